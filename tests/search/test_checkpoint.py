"""The file of a search: resuming, damage, links, modes."""

import errno
import fcntl
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skopt.space import Categorical, Integer, Real

from cae_sklearn.search._checkpoint import open_checkpoint
from cae_sklearn.search._lock import locked

from .toy import GAUSSIAN, QUICK, SPACE, Toy, X, Y, assert_same_results, make

TWO_SPACES = [(SPACE, 5), ({"b": Integer(1, 50), "c": Categorical(["x", None])}, 4)]


@pytest.mark.parametrize(
    ("n_points", "spaces", "kwargs", "n_iter", "stop_at"),
    [
        (1, SPACE, QUICK, 8, 4),
        (1, SPACE, QUICK, 8, 20),
        (1, {"a": SPACE["a"]}, GAUSSIAN, 5, 10),
        (2, SPACE, QUICK, 8, 16),
        (1, TWO_SPACES, QUICK, 9, 4),
        (1, TWO_SPACES, QUICK, 9, 20),
    ],
)
def test_resumed_search_equals_uninterrupted(tmp_path, n_points, spaces, kwargs, n_iter, stop_at):
    params = dict(n_points=n_points, spaces=spaces, optimizer_kwargs=kwargs, n_iter=n_iter)
    params["return_train_score"] = True
    whole = make(**params).fit(X, Y)
    n_whole, Toy.fits, Toy.stop_at = len(Toy.fits), [], stop_at
    with pytest.raises(KeyboardInterrupt):
        make(**params, checkpoint=tmp_path / "c.json").fit(X, Y)
    n_stored = len(json.loads((tmp_path / "c.json").read_text())["points"])
    assert n_stored == stop_at // 3
    Toy.fits, Toy.stop_at = [], None
    resumed = make(**params, checkpoint=str(tmp_path / "c.json")).fit(X, Y)
    assert len(Toy.fits) == n_whole - 3 * n_stored
    assert_same_results(resumed.cv_results_, whole.cv_results_)
    assert resumed.best_params_ == whole.best_params_
    for one, other in zip(resumed.optimizer_results_, whole.optimizer_results_, strict=True):
        assert (one.x_iters, one.fun) == (other.x_iters, other.fun)


def test_finished_search_is_not_fitted_again_and_goes_on(tmp_path):
    search = make(checkpoint=tmp_path / "c.json", n_iter=5).fit(X, Y)
    results, Toy.fits = search.cv_results_, []
    again = clone(search).fit(X, Y)
    assert len(Toy.fits) == 1  # the refit
    assert_same_results(again.cv_results_, results, times=True)
    more = clone(search).set_params(n_iter=7, n_points=2, verbose=0, n_jobs=None).fit(X, Y)
    assert len(Toy.fits) == 1 + 2 * 3 + 1
    assert more.cv_results_["params"][:5] == results["params"]
    fewer = clone(search).set_params(n_iter=3).fit(X, Y)
    assert len(fewer.cv_results_["params"]) == 3
    assert len(json.loads((tmp_path / "c.json").read_text())["points"]) == 7


@pytest.mark.parametrize("random_state", [None, "instance"])
def test_drawn_seed_is_kept_in_the_checkpoint(tmp_path, random_state):
    def search(**params):
        seed = np.random.RandomState(1) if random_state else None
        return make(random_state=seed, checkpoint=tmp_path / "c.json", **params)

    before = np.random.get_state()[1].copy()
    Toy.stop_at = 15
    with pytest.raises(KeyboardInterrupt):
        search().fit(X, Y)
    Toy.stop_at = None
    results = search().fit(X, Y).cv_results_
    seed = json.loads((tmp_path / "c.json").read_text())["seed"]
    assert_same_results(make(random_state=seed).fit(X, Y).cv_results_, results)
    assert_array_equal(np.random.get_state()[1], before)


SCRIPT = """
import sys, time
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB
from skopt.space import Real
from cae_sklearn.search import ResumableBayesSearchCV

class Slow(GaussianNB):
    def fit(self, X, y):
        time.sleep(float(sys.argv[1]))
        return super().fit(X, y)

for path in sys.argv[2:]:
    search = ResumableBayesSearchCV(
        Slow(), {"var_smoothing": Real(1e-9, 1e2, prior="log-uniform")}, n_iter=7, cv=2,
        optimizer_kwargs={"n_initial_points": 5, "base_estimator": "ET"}, random_state=3,
        checkpoint=path,
    ).fit(*load_iris(return_X_y=True))
    results = search.cv_results_
    print([dict(p) for p in results["params"]], results["mean_test_score"].tolist())
assert not {"tensorflow", "keras", "scikeras"} & set(sys.modules)
"""


@pytest.mark.slow
def test_killed_process_resumes(tmp_path):
    path = tmp_path / "killed.json"

    def start(seconds, *names):
        command = [sys.executable, "-c", SCRIPT, seconds, *(str(tmp_path / name) for name in names)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def count():
        return len(json.loads(path.read_text())["points"]) if path.exists() else 0

    process, limit = start("0.2", "killed.json"), time.monotonic() + 120
    while count() < 4 and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 4 <= count() < 7
    process = start("0", "killed.json", "whole.json")
    resumed, whole = process.communicate()[0].splitlines()
    assert process.returncode == 0
    assert resumed == whole
    assert "var_smoothing" in resumed


def test_write_that_is_cut_short_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "c.json"
    make(checkpoint=path, n_iter=3).fit(X, Y)
    before = path.read_bytes()

    def no_space(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", no_space)
        make(checkpoint=path, n_iter=4).fit(X, Y)
    assert path.read_bytes() == before
    assert len(make(checkpoint=path, n_iter=4).fit(X, Y).cv_results_["params"]) == 4


OTHER = {
    "estimator's c was 0, is 1": dict(estimator=Toy(c=1)),
    "estimator was 'Toy', is 'LogisticRegression'": dict(
        estimator=LogisticRegression(), spaces={"C": Real(0.1, 1)}
    ),
    "search_spaces 0 a was .*100.0.* is .*50.0": dict(spaces={**SPACE, "a": Real(1e-4, 50.0)}),
    "search_spaces 0 b was .*3.* is .*4": dict(spaces={**SPACE, "b": Categorical([1, 2, 4])}),
    "search_spaces 0 c was None": dict(spaces={**SPACE, "c": Integer(0, 9)}),
    r"cv was 'StratifiedKFold\(n_splits=3.*is 'StratifiedKFold\(n_splits=4": dict(cv=4),
    "cv was": dict(cv=[(np.arange(50), np.arange(50, 75))] * 3),
    "scoring was None, is 'accuracy'": dict(scoring="accuracy"),
    "error_score was 'nan', is 0": dict(error_score=0),
    "return_train_score was False, is True": dict(return_train_score=True),
    "random_state was 0, is 1": dict(random_state=1),
    "random_state was 0, is None": dict(random_state=None),
    "optimizer_kwargs was": dict(optimizer_kwargs=QUICK),
    r"X was .*\(75, 4\).* is .*\(75, 3\)": dict(X=X[:, :3]),
    "another search: X was": dict(X=X + 1e-9),
    "another search: y was": dict(y=(Y + 1) % 3),
    "sample_weight was None, is": dict(sample_weight=np.ones(len(Y))),
}


@pytest.mark.parametrize("match", OTHER)
def test_checkpoint_of_another_search_is_refused(tmp_path, match):
    path = tmp_path / "c.json"
    make(checkpoint=path, n_iter=2).fit(X, Y)
    before, Toy.fits = path.read_bytes(), []
    params = OTHER[match].copy()
    data = {"X": params.pop("X", X), "y": params.pop("y", Y)}
    if "sample_weight" in params:
        data["sample_weight"] = params.pop("sample_weight")
    with pytest.raises(ValueError, match=match) as info:
        make(checkpoint=path, n_iter=2, **params).fit(**data)
    assert "holds another search" in str(info.value)
    assert "another file name to start anew" in str(info.value)
    assert Toy.fits == []
    assert path.read_bytes() == before


def test_what_does_not_change_scores_may_change(tmp_path):
    path, spaces = tmp_path / "c.json", {"clf__a": SPACE["a"]}
    pipe = Pipeline([("scale", StandardScaler()), ("clf", Toy())])
    make(pipe, spaces, checkpoint=path, n_iter=2).fit(X, Y)
    Toy.fits = []
    pipe = clone(pipe).set_params(memory=joblib.Memory(tmp_path / "cache", verbose=0))
    mapped = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", X.dtype, X.shape)
    mapped[:] = X
    spaces = {"clf__a": (1e-4, 1e2, "log-uniform")}
    make(pipe, spaces, checkpoint=path, n_iter=2, refit=False, pre_dispatch=1).fit(mapped, Y)
    assert Toy.fits == []


def edited(change):
    def damage(text):
        content = json.loads(text)
        change(content)
        return json.dumps(content)

    return damage


DAMAGE = {
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "another format": lambda text: '{"format": "other"}',
    "another JSON": lambda text: "[1, 2]",
    "no points": edited(lambda c: c.pop("points")),
    "no seed": edited(lambda c: c.pop("seed")),
    "category": edited(lambda c: c["points"][0]["point"].__setitem__(1, 17)),
    "outside": edited(lambda c: c["points"][0]["point"].__setitem__(0, 1e9)),
    "short point": edited(lambda c: c["points"][1]["point"].pop()),
    "lost fold": edited(lambda c: c["points"][1]["folds"].pop()),
    "lost score": edited(lambda c: c["points"][1]["folds"][0].pop("test_scores")),
    "lost time": edited(lambda c: c["points"][1]["folds"][0].pop("fit_time")),
    "deep": lambda text: "[" * 100_000,
    "long number": lambda text: '{"seed": ' + "9" * 5000 + "}",
    "infinite seed": lambda text: text.replace('"seed": 0', '"seed": 1e999'),
    "negative seed": edited(lambda c: c.update(seed=-1)),
    "huge seed": edited(lambda c: c.update(seed=2**32)),
    "seed that is no number": edited(lambda c: c.update(seed=True)),
    "settings": edited(lambda c: c.update(settings=3)),
    "points that are no list": edited(lambda c: c.update(points={"0": c["points"][0]})),
    "point that is no dict": edited(lambda c: c["points"].append(3)),
    "no folds": edited(lambda c: c["points"][0].update(folds=None)),
    "another space": edited(lambda c: c["points"][0].update(space=1)),
    "space that is no number": edited(lambda c: c["points"][0].update(space="0")),
    "number": edited(lambda c: c["points"][0].update(number=-1)),
    "number twice": edited(lambda c: c["points"][0].update(number=1)),
    "category from behind": edited(lambda c: c["points"][0]["point"].__setitem__(1, -1)),
    "fractional category": edited(lambda c: c["points"][0]["point"].__setitem__(1, 0.5)),
    "text value": edited(lambda c: c["points"][0]["point"].__setitem__(0, "1")),
    "true value": edited(lambda c: c["points"][0]["point"].__setitem__(0, True)),
    "error that is no text": edited(lambda c: c["points"][1]["folds"][0].update(fit_error=3)),
    "empty error": edited(lambda c: c["points"][1]["folds"][0].update(fit_error=" ")),
    "score of a name": edited(
        lambda c: [p["folds"][0].update(test_scores={"x": 1.0}) for p in c["points"]]
    ),
    "infinite score": lambda text: re.sub('"test_scores": [-0-9.]+', '"test_scores": 1e999', text),
    "number of samples": edited(lambda c: c["points"][1]["folds"][0].update(n_test_samples="5")),
    "infinite time": lambda text: re.sub('"fit_time": [-0-9.e]+', '"fit_time": Infinity', text),
    "text score": edited(lambda c: c["points"][1]["folds"][0].update(test_scores="high")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "c.json"
    make(checkpoint=path, n_iter=2).fit(X, Y)
    path.write_text(DAMAGE[damage](path.read_text()))
    before, Toy.fits = path.read_bytes(), []
    with pytest.raises(ValueError, match="c.json' is damaged or no checkpoint.*to start anew"):
        make(checkpoint=path, n_iter=2).fit(X, Y)
    assert Toy.fits == []
    assert path.read_bytes() == before


def test_folder_of_the_checkpoint_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="checkpoint must lie in a folder that exists"):
        make(checkpoint=tmp_path / "no" / "c.json").fit(X, Y)
    assert Toy.fits == []


def stored_points(path):
    return json.loads(path.read_text())["points"]


def test_two_searches_on_one_file_lose_nothing(tmp_path):
    path, found = tmp_path / "c.json", []

    def second(result):
        if not found:
            with pytest.raises(ValueError, match="c.json' is in use by another search") as info:
                make(checkpoint=path).fit(X, Y)
            found.append(str(info.value))

    make(checkpoint=path, n_iter=4).fit(X, Y, callback=second)
    assert f"(process {os.getpid()} on " in found[0]
    assert "since 20" in found[0] and "pass another file name" in found[0]
    assert len(stored_points(path)) == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.json"]
    make(checkpoint=path, n_iter=5).fit(X, Y)
    assert len(stored_points(path)) == 5


@pytest.mark.slow
def test_another_process_is_named_and_its_end_frees_the_file(tmp_path):
    path = tmp_path / "c.json"
    make(checkpoint=path, n_iter=2).fit(X, Y)
    code = (
        "import sys, time, pathlib; from cae_sklearn.search._lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        before = path.read_bytes()
        with pytest.raises(ValueError, match=rf"\(process {process.pid} on "):
            make(checkpoint=path, n_iter=3).fit(X, Y)
        assert path.read_bytes() == before
        process.kill()
    assert (tmp_path / "c.json.lock").exists()
    make(checkpoint=path, n_iter=3).fit(X, Y)
    assert len(stored_points(path)) == 3
    assert not (tmp_path / "c.json.lock").exists()


def test_without_posix_locks_the_file_is_locked_too(tmp_path, monkeypatch):
    monkeypatch.setattr("cae_sklearn.search._lock.fcntl", None)
    path, found = tmp_path / "c.json", []

    def second(result):
        with pytest.raises(ValueError, match="in use by another search .its process is unknown"):
            make(checkpoint=path).fit(X, Y)
        found.append(result)

    make(checkpoint=path, n_iter=2).fit(X, Y, callback=second)
    assert len(found) == 2


def test_a_file_system_without_locks_gives_one_warning(tmp_path, monkeypatch):
    def no_locks(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("cae_sklearn.search._lock.fcntl.flock", no_locks)
    with pytest.warns(UserWarning, match="has no locks .*No locks available") as seen:
        make(checkpoint=tmp_path / "c.json", n_iter=2).fit(X, Y)
    assert len(seen) == 1
    assert len(stored_points(tmp_path / "c.json")) == 2


def test_the_lock_that_its_holder_removes_meanwhile_is_made_anew(tmp_path, monkeypatch):
    path, flock, removed = tmp_path / "c.json", fcntl.flock, []

    def slow(descriptor, operation):
        if not removed:
            os.unlink(tmp_path / "c.json.lock")
            removed.append(descriptor)
        flock(descriptor, operation)

    monkeypatch.setattr("cae_sklearn.search._lock.fcntl.flock", slow)
    with locked(path):
        assert removed
        with pytest.raises(ValueError, match="in use"), locked(path):
            pass


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_written_through(tmp_path, dangling):
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store" / "real.json", tmp_path / "c.json"
    link.symlink_to(target)
    if not dangling:
        make(checkpoint=target, n_iter=2).fit(X, Y)
    make(checkpoint=link, n_iter=4).fit(X, Y)
    assert link.is_symlink()
    assert len(stored_points(target)) == 4
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["c.json", "store"]
    # The link and its target are one checkpoint.
    with locked(target), pytest.raises(ValueError, match="c.json' is in use|real.json' is in use"):
        make(checkpoint=link, n_iter=5).fit(X, Y)


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_the_mode_of_the_file_is_kept(tmp_path, mode):
    path = tmp_path / "c.json"
    make(checkpoint=path, n_iter=2).fit(X, Y)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(mode)
    make(checkpoint=path, n_iter=3).fit(X, Y)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_planted_links_are_not_followed(tmp_path, monkeypatch):
    path, victim = tmp_path / "c.json", tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "c.json.tmp").symlink_to(victim)
    make(checkpoint=path, n_iter=2).fit(X, Y)
    (tmp_path / "c.json.fixed.tmp").symlink_to(victim)
    with monkeypatch.context() as patch, pytest.raises(FileExistsError):
        patch.setattr("secrets.token_hex", lambda size: "fixed")  # as if it had been guessed
        make(checkpoint=path, n_iter=3).fit(X, Y)
    (tmp_path / "c.json.lock").symlink_to(victim)
    with pytest.raises(ValueError, match="c.json.lock'.* is a link or no regular file"):
        make(checkpoint=path, n_iter=3).fit(X, Y)
    assert victim.read_text() == "precious"
    assert len(stored_points(path)) == 2


@pytest.mark.parametrize("what", ["fifo", "folder", "device", "link to a fifo"])
def test_what_is_no_file_is_refused_at_once(tmp_path, what):
    path = tmp_path / "c.json"
    if what == "device":
        path = "/dev/zero"
    elif what == "folder":
        path.mkdir()
    else:
        os.mkfifo(tmp_path / "pipe" if "link" in what else path)
        if "link" in what:
            path.symlink_to(tmp_path / "pipe")
    with pytest.raises(ValueError, match="checkpoint must be a regular file, but .* is a "):
        make(checkpoint=path).fit(X, Y)
    assert Toy.fits == []


def test_a_fifo_in_place_of_the_lock_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "c.json.lock")
    with pytest.raises(ValueError, match="c.json.lock'.* no regular file"):
        make(checkpoint=tmp_path / "c.json").fit(X, Y)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_finished_search_is_replayed_from_a_folder_that_is_read_only(tmp_path):
    path = tmp_path / "c.json"
    results = make(checkpoint=path, n_iter=3).fit(X, Y).cv_results_
    tmp_path.chmod(0o500)
    try:
        again = make(checkpoint=path, n_iter=3).fit(X, Y)
        assert_same_results(again.cv_results_, results, times=True)
        with pytest.raises(PermissionError):
            make(checkpoint=path, n_iter=4).fit(X, Y)
    finally:
        tmp_path.chmod(0o700)


def test_a_write_that_fails_leaves_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "c.json"
    make(checkpoint=path, n_iter=2).fit(X, Y)

    def no_space(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", no_space)
        make(checkpoint=path, n_iter=3).fit(X, Y)
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.json"]


def test_an_optimizer_instance_counts_by_its_configuration(tmp_path):
    keras = pytest.importorskip("keras")

    def fit(c, name="c.json"):
        make(Toy(c=c), checkpoint=tmp_path / name, n_iter=1, refit=False).fit(X, Y)

    for name in "first", "second":
        fit(keras.optimizers.Adam(0.1))
        fit([keras.callbacks.EarlyStopping(patience=3)], name="d")
        assert len(Toy.fits) == 6, name
    with pytest.raises(ValueError, match="estimator's c was .*0.1.* is .*0.2"):
        fit(keras.optimizers.Adam(0.2))
    with pytest.raises(ValueError, match="another search: estimator's c was"):
        fit([keras.callbacks.EarlyStopping(patience=4)], name="d")


def test_a_checkpoint_of_the_first_format_without_numbers_resumes(tmp_path):
    path = tmp_path / "c.json"
    whole = make(n_iter=6, optimizer_kwargs=QUICK).fit(X, Y)
    make(n_iter=4, optimizer_kwargs=QUICK, checkpoint=path).fit(X, Y)
    path.write_text(edited(lambda c: [p.pop("number") for p in c["points"]])(path.read_text()))
    Toy.fits = []
    resumed = make(n_iter=6, optimizer_kwargs=QUICK, checkpoint=path, refit=False).fit(X, Y)
    assert len(Toy.fits) == 2 * 3
    assert_same_results(resumed.cv_results_, whole.cv_results_)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("a\0b", ValueError, "checkpoint must be a file name"),
        (250 * "a", OSError, "checkpoint=.*Pass"),
    ],
)
def test_names_that_no_file_can_have_are_named(tmp_path, name, error, message):
    with pytest.raises(error, match=message), open_checkpoint(tmp_path / name, dict, 0):
        pass


def test_a_folder_in_place_of_the_lock_is_named(tmp_path):
    (tmp_path / "points.json.lock").mkdir()
    with pytest.raises(ValueError, match="points.json.lock"), locked(tmp_path / "points.json"):
        pass
