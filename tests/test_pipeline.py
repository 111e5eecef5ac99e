"""Real use: pipelines, searches, ensembles, processes, files and caches."""

import copy
import os
import pickle
import subprocess
import sys
import textwrap

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from marks import slowly
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
    check_cv,
    cross_val_predict,
)
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier


def cae(**params):
    return CAEFeaturizer(
        **{
            "filters": 8,
            "kernel_size": 3,
            "n_components": 120,
            "epochs": 1,
            "random_state": 0,
            **params,
        }
    )


def mlp(**params):
    defaults = {"hidden_layer_sizes": (32,), "epochs": 8, "learning_rate": 0.01, "random_state": 0}
    return ElasticNetBNMLPClassifier(**{**defaults, **params})


def pipeline(memory=None, **params):
    return Pipeline([("cae", cae(**params)), ("clf", mlp())], memory=memory)


GRID = {"clf__batch_size": [16, 32], "clf__learning_rate": [0.001, 0.01]}


@pytest.mark.slow
def test_integer_cv_is_stratified(digits):
    X, y = digits
    assert isinstance(check_cv(5, y, classifier=True), StratifiedKFold)
    search = GridSearchCV(mlp(epochs=1), {"alpha": [1e-4]}, cv=3).fit(X.reshape(600, -1), y)
    split = GridSearchCV(mlp(epochs=1), {"alpha": [1e-4]}, cv=StratifiedKFold(3))
    split.fit(X.reshape(600, -1), y)
    names = [f"split{i}_test_score" for i in range(3)]
    assert [search.cv_results_[n] for n in names] == [split.cv_results_[n] for n in names]


@pytest.mark.slow
@pytest.mark.parametrize("deep", [False, True])
def test_equal_results_twice_and_for_any_n_jobs(digits, deep):
    X, y = digits
    params = {"whiten": False, "filters": (8, 4), "kernel_size": 3} if deep else {}
    model = pipeline(**params).set_params(clf__epochs=2)
    searches = [
        GridSearchCV(model, GRID, cv=2, n_jobs=n_jobs).fit(X[:100], y[:100]) for n_jobs in (1, 1, 2)
    ]
    for name in ("mean_test_score", "split0_test_score"):
        first, *others = (search.cv_results_[name] for search in searches)
        for other in others:
            np.testing.assert_array_equal(other, first)
    first, *others = (search.predict_proba(X[300:]) for search in searches)
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.slow
def test_hashing_and_pickling_a_fitted_featurizer_cost_little(digits):
    X, _ = digits
    fitted = cae().fit(X)
    assert len(pickle.dumps(fitted)) < 1e6
    assert joblib.hash(fitted) == joblib.hash(pickle.loads(pickle.dumps(fitted)))


def test_bayes_search(digits):
    skopt = pytest.importorskip("skopt")
    Categorical, Integer, Real = skopt.space.Categorical, skopt.space.Integer, skopt.space.Real
    X, y = digits
    search = skopt.BayesSearchCV(
        pipeline(),
        {
            "clf__batch_size": Categorical([8, 16, 32, 64]),
            "clf__learning_rate": Real(1e-4, 1e-1, prior="log-uniform"),
            "clf__alpha": Real(1e-6, 1e-1, prior="log-uniform"),
            "clf__l1_ratio": Real(0, 1),
            "clf__hidden_layer_sizes": Categorical(["32", "32-16"]),
            "cae__epochs": Integer(1, 2),
        },
        n_iter=3,
        cv=2,
        random_state=0,
    ).fit(X[:300], y[:300])
    assert search.best_score_ > 0.5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.slow
def test_halving_search_over_epochs(digits):
    X, y = digits
    search = HalvingGridSearchCV(
        pipeline(),
        {"clf__learning_rate": [0.001, 0.003, 0.01]},
        resource="clf__epochs",
        min_resources=3,
        max_resources=9,
        cv=2,
    ).fit(X, y)
    assert search.n_resources_[-1] > search.n_resources_[0]
    assert search.best_score_ > 0.7


@pytest.mark.parametrize(
    "make",
    [
        lambda: VotingClassifier([("a", mlp()), ("b", LogisticRegression())], voting="soft"),
        lambda: CalibratedClassifierCV(mlp(), cv=3),
        *slowly(
            [
                lambda: StackingClassifier([("a", mlp()), ("b", mlp(alpha=0.1))], cv=3),
                lambda: BaggingClassifier(mlp(), n_estimators=3, random_state=0),
            ]
        ),
    ],
    ids=["voting", "calibrated", "stacking", "bagging"],
)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_ensembles(digits, make):
    X, y = digits
    model = make_pipeline(cae(), make()).fit(X[:400], y[:400])
    assert model.score(X[400:], y[400:]) > 0.7


def test_cross_val_predict(digits):
    X, y = digits
    probabilities = cross_val_predict(pipeline(), X, y, cv=2, method="predict_proba")
    assert probabilities.shape == (600, 10)
    assert np.mean(probabilities.argmax(axis=1) == y) > 0.7


@pytest.mark.slow
def test_feature_union_and_column_transformer(digits):
    X, y = digits
    flat = X.reshape(600, -1)
    features = cae(image_shape=(8, 8))
    union = FeatureUnion([("cae", features), ("pca", PCA(8))])
    assert make_pipeline(union, mlp()).fit(flat[:400], y[:400]).score(flat[400:], y[400:]) > 0.7
    columns = ColumnTransformer([("cae", features, slice(0, 64)), ("rest", "passthrough", [64])])
    table = np.hstack([flat, y[:, None]])
    assert make_pipeline(columns, mlp()).fit(table[:400], y[:400]).score(table[400:], y[400:]) > 0.7


def test_features_of_an_unlabelled_pool(digits):
    X, y = digits
    frozen = FrozenEstimator(cae().fit(X))
    model = make_pipeline(frozen, mlp()).fit(X[:100], y[:100])
    np.testing.assert_array_equal(model[0].transform(X), frozen.estimator.transform(X))


def test_sample_weights_are_routed(digits):
    X, y = digits
    weight = np.where(y == 0, 0.0, 1.0)
    with config_context(enable_metadata_routing=True):
        clf = mlp().set_fit_request(sample_weight=True)
        model = Pipeline([("cae", cae()), ("clf", clf)]).fit(X, y, sample_weight=weight)
    assert 0 not in model.predict(X)


DUMPS = {
    "pickle": lambda model, path: path.write_bytes(pickle.dumps(model)),
    "joblib": joblib.dump,
    "cloudpickle": lambda model, path: path.write_bytes(cloudpickle.dumps(model)),
    "deepcopy": lambda model, path: path.write_bytes(pickle.dumps(copy.deepcopy(model))),
    "skops": skops.io.dump,
}


LOAD = """
import pickle, sys, joblib, keras, numpy as np, skops.io
encoder = keras.models.load_model("encoder.keras")
assert "cae_sklearn" not in sys.modules
np.save("features.npy", encoder(np.load("X.npy")[..., None]))
for way in sys.argv[1:]:
    if way == "joblib":
        model = joblib.load(way)
    elif way == "skops":
        from cae_sklearn import trusted_types
        model = skops.io.load(way, trusted=trusted_types())
    else:
        model = pickle.loads(open(way, "rb").read())
    np.save(way + ".npy", model.predict_proba(np.load("X.npy")))
"""


@pytest.fixture(scope="module")
def predictions(digits, tmp_path_factory):
    """Return what a model predicts, and what a new process does that loads it in each way."""
    X, y = digits
    folder = tmp_path_factory.mktemp("models")
    model = pipeline().fit(X[:200], y[:200])
    for way, dump in DUMPS.items():
        dump(model, folder / way)
    model["cae"].encoder_.save(folder / "encoder.keras")
    np.save(folder / "X.npy", X)
    subprocess.run(
        [sys.executable, "-c", LOAD, *DUMPS], cwd=folder, check=True, capture_output=True
    )
    loaded = {way: np.load(folder / f"{way}.npy") for way in [*DUMPS, "features"]}
    return model.predict_proba(X), model["cae"].transform(X), loaded


@pytest.mark.slow
@pytest.mark.parametrize("way", DUMPS)
def test_a_new_process_predicts_the_same_bits(predictions, way):
    expected, _, loaded = predictions
    np.testing.assert_array_equal(loaded[way], expected)


@pytest.mark.slow
def test_a_new_process_without_this_package_loads_a_keras_file(predictions):
    _, expected, loaded = predictions
    np.testing.assert_allclose(loaded["features"], expected, atol=1e-5)


@pytest.mark.slow
def test_a_fitted_classifier_is_a_small_file():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 256)), rng.integers(0, 10, 200)
    for warm_start in (False, True):
        fitted = ElasticNetBNMLPClassifier(epochs=1, warm_start=warm_start).fit(X, y)
        assert len(pickle.dumps(fitted)) < 3e6


@pytest.mark.slow
def test_memory_maps_are_streamed(tmp_path):
    path = tmp_path / "images.npy"
    X = np.lib.format.open_memmap(path, "w+", np.uint8, (10_000, 64, 64, 3))  # 123 MB
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for i in range(0, len(X), 100):
        X[i : i + 100] = np.roll(picture, i // 100, axis=0)
    X.flush()
    code = f"""
        import threading
        import numpy as np, tensorflow as tf
        from cae_sklearn import CAEFeaturizer

        def anonymous():
            with open("/proc/self/status") as status:
                return int(next(l for l in status if l.startswith("RssAnon")).split()[1]) / 1024

        def watch():
            while not done.wait(0.02):
                seen.append(anonymous())

        tf.constant(0)
        seen, done = [anonymous()], threading.Event()
        watching = threading.Thread(target=watch)
        watching.start()
        X = np.load({str(path)!r}, mmap_mode="r")
        features = CAEFeaturizer(filters=32, epochs=1).fit(X).transform(X)
        done.set()
        watching.join()
        print(len(seen), max(seen) - seen[0] - features.nbytes / 2**20)
    """
    # freed memory goes back at once: how much malloc keeps depends on what else the machine does
    at_once = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env=at_once,
    )
    n_looks, rise = map(float, told.stdout.split())
    assert n_looks > 50
    assert rise < 400  # MB; some 300 for any number of images, 123 more for a copy of their bytes


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_scores(digits):
    distributed = pytest.importorskip("distributed")
    X, y = digits
    here = GridSearchCV(pipeline(), GRID, cv=2).fit(X[:200], y[:200])
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        there = GridSearchCV(pipeline(), GRID, cv=2, n_jobs=2).fit(X[:200], y[:200])
    np.testing.assert_array_equal(
        here.cv_results_["mean_test_score"], there.cv_results_["mean_test_score"]
    )
