"""The program behind docs/features.md: what it switches off, its rows, and its tables."""

import numpy as np
import pytest
from test_docs import benchmark

from cae_sklearn import CAEFeaturizer
from cae_sklearn._training import pool

bench = benchmark("bench_features")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "images.npz"
    y = np.arange(120) % 3
    X = rng.integers(0, 90, (120, 12, 12, 3)) + 60 * (y[:, None, None, None] == np.arange(3))
    X, y = X.astype(np.uint8), y[:, None]
    np.savez(path, x_train=X[:90], y_train=y[:90], x_test=X[90:], y_test=y[90:])
    return path


PATCHED = [name for name, (_, patch) in bench.DESIGN.items() if patch]


SMALL = {"filters": 8, "kernel_size": 3, "epochs": 0}  # none of the patches changes training


@pytest.fixture(scope="module")
def default(data):
    return bench.featurizer(SMALL, 0).fit_transform(np.load(data)["x_train"])


@pytest.mark.slow
@pytest.mark.parametrize("name", PATCHED)
def test_each_part_can_be_switched_off(name, data, default):
    params, patch = bench.DESIGN[name]
    featurizer = bench.featurizer({**SMALL, **params}, 0)
    X = np.load(data)["x_train"]
    patches = bench.replaced(patch)
    before = [getattr(module, what) for module, what, _ in patches]
    with bench.ExitStack() as stack:
        # networks of the process are made anew, and thrown away
        stack.enter_context(bench.mock.patch.object(pool, "_idle", []))
        for target in patches:
            stack.enter_context(bench.mock.patch.object(*target))
        changed = featurizer.fit_transform(X)
    assert changed.shape == default.shape
    assert np.isfinite(changed).all()
    assert np.abs(changed - default).max() > 0.05
    assert [getattr(module, what) for module, what, _ in patches] == before
    np.testing.assert_array_equal(bench.featurizer(SMALL, 0).fit_transform(X), default)


@pytest.mark.parametrize(
    ("part", "name"),
    [("kinds", "raw pixels"), pytest.param("kinds", "default", marks=pytest.mark.slow)],
)
def test_a_trial_gives_a_row(part, name, data):
    row = bench.trial(part, name, 0, str(data), 60)
    assert list(row) == bench.COLUMNS
    assert row["features"] == (432 if name == "raw pixels" else 60 - 1)
    assert 0.5 < row["accuracy"] <= 1.0
    assert row["GiB"] > 0.1


@pytest.mark.slow
def test_mirror_images_are_fitted_to_as_well(data, monkeypatch):
    fitted = []
    monkeypatch.setitem(bench.FULL, bench.DOUBLED, {"filters": 8, "epochs": 1})
    fit = CAEFeaturizer.fit
    monkeypatch.setattr(CAEFeaturizer, "fit", lambda *args: fitted.append(args[1]) or fit(*args))
    row = bench.trial("full", bench.DOUBLED, 0, str(data), None)
    assert 0.5 < row["accuracy"] <= 1.0
    X = np.load(data)["x_train"]
    np.testing.assert_array_equal(fitted, [np.vstack([X, X[:, :, ::-1]])])


def test_tables_stand_between_their_markers(tmp_path):
    def row(name, seed, accuracy):
        values = "full", name, seed, "400", accuracy, 9.6, 1.25
        return dict(zip(bench.COLUMNS, values, strict=True))

    default, best, _ = bench.FULL
    rows = [row(default, 0, "0.7"), row(default, 1, "0.72"), row(best, 0, "0.8")]
    page = tmp_path / "features.md"
    page.write_text("Before.\n\n<!-- full -->\n<!-- end of full -->\n\nAfter.\n")
    pages = []
    for some in (rows[:1], rows, rows):
        bench.write_page(page, some)
        pages.append(page.read_text())
    assert pages[1] == pages[2] != pages[0]
    assert pages[2].splitlines() == [
        "Before.",
        "",
        "<!-- full -->",
        "|  | features | accuracy | difference | of the seeds | seconds | GiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        f"| {default} | 400 | 0.7100 |  | 0.7000 0.7200 | 10 | 1.2 |",
        f"| {best} | 400 | 0.8000 | +0.0900 | 0.8000 | 10 | 1.2 |",
        "<!-- end of full -->",
        "",
        "After.",
    ]
