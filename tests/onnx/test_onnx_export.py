"""Fitted estimators as ONNX files: what a runtime gives is what the estimator gives."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pandas
import pytest
from marks import slowly
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier, export_onnx
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.onnx import register_converters

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 9, 8, 2), np.uint8)
Y = RNG.integers(0, 3, 40)
KINDS = {  # images, parameters
    "whitened": (IMAGES, {}),
    "rows of a table": (np.float32(IMAGES[:, 0, :, 0]), {}),
    "two layers": (IMAGES, {"filters": (5, 6), "output_size": 2}),
    "whole map": (IMAGES, {"output_size": None, "n_components": None, "batch_norm": True}),
    "deep": (IMAGES[..., 0], {"whiten": False, "filters": (4, 3), "activation": "gelu"}),
    "large": (np.float32(RNG.normal(size=(40, 30, 44))), {"resolution": 16}),
    "far from zero": (1e8 + np.float64(IMAGES), {}),
}
MORE_KINDS = [kind for kind in KINDS if kind not in ("whitened", "deep")]


def featurizer(**params):
    settings = {"filters": 5, "kernel_size": 4, "n_components": 8, "epochs": 0, "random_state": 0}
    return CAEFeaturizer(**{**settings, **params})


def classifier(**params):
    return ElasticNetBNMLPClassifier(**{"hidden_layer_sizes": (6,), "epochs": 1, **params})


def run(path, X):
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


@pytest.mark.parametrize(
    "kind",
    ["whitened", "deep", *slowly(MORE_KINDS)],
)
def test_features_of_all_kinds_of_images(kind, tmp_path):
    X, params = KINDS[kind]
    fitted = featurizer(**params).fit(X)
    export_onnx(fitted, tmp_path / "cae.onnx", X)
    features = run(tmp_path / "cae.onnx", X)["variable"]
    np.testing.assert_allclose(features, fitted.transform(X), atol=1e-4)
    assert features.dtype == np.float32


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """Return a fitted pipeline with steps of scikit-learn between ours, and a cache."""
    steps = [("cae", featurizer()), ("scale", StandardScaler()), ("pca", PCA(5))]
    memory = FitOnceMemory(tmp_path_factory.mktemp("cache"), verbose=0)
    return Pipeline([*steps, ("clf", classifier(random_state=0))], memory=memory).fit(IMAGES, Y)


@pytest.fixture(scope="module")
def path(pipeline, tmp_path_factory):
    """Return the file of the pipeline, for bytes."""
    path = tmp_path_factory.mktemp("models") / "pipeline.onnx"
    export_onnx(pipeline, path, IMAGES)
    return path


def assert_same(given, fitted, X):
    np.testing.assert_allclose(given["probabilities"], fitted.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(given["label"], fitted.predict(X))


def test_a_pipeline_gives_the_same_labels_and_probabilities(pipeline, path, tmp_path):
    for some in (IMAGES, IMAGES[:1]):
        assert_same(run(path, some), pipeline, some)
    export_onnx(pipeline, tmp_path / "pipeline.onnx", np.float64(IMAGES))
    assert_same(run(tmp_path / "pipeline.onnx", np.float64(IMAGES)), pipeline, IMAGES)


def test_by_default_the_input_is_that_of_fit_as_floats(pipeline, tmp_path):
    model = export_onnx(pipeline, str(tmp_path / "pipeline.onnx"))
    (given,) = onnxruntime.InferenceSession(model.SerializeToString()).get_inputs()
    assert given.type == "tensor(float)" and given.shape[1:] == [9, 8, 2]
    assert_same(run(tmp_path / "pipeline.onnx", np.float32(IMAGES)), pipeline, IMAGES)


def test_skl2onnx_itself_takes_a_pipeline(pipeline):
    register_converters()
    model = to_onnx(pipeline, IMAGES[:1])
    label, maps = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": IMAGES})
    np.testing.assert_array_equal(label, pipeline.predict(IMAGES))
    assert list(maps[0]) == [0, 1, 2]


@pytest.mark.slow
def test_the_scaler_may_come_first_and_a_search_around(tmp_path):
    X = np.float32(IMAGES.reshape(40, -1))
    cae = featurizer(image_shape=(9, 8, 2))
    steps = make_pipeline(MinMaxScaler(), cae, PCA(5), classifier())
    one_split = [(np.arange(30), np.arange(30, 40))]
    search = GridSearchCV(steps, {"pca__whiten": [True]}, cv=one_split).fit(X, Y)
    export_onnx(search, tmp_path / "search.onnx")
    assert_same(run(tmp_path / "search.onnx", X), search, X)


@pytest.mark.parametrize(
    "labels", [["b", "a", "c"], [True, False, False], *slowly([[7, -2, 30], [1.0, 0, 2]])]
)
def test_labels_are_integers_or_texts(labels, tmp_path):
    X, y = np.float32(IMAGES[:, 0, :, 0]), np.asarray(labels)[Y]
    fitted = classifier().fit(X, y)
    export_onnx(fitted, tmp_path / "clf.onnx")
    given = run(tmp_path / "clf.onnx", X)
    assert given["label"].tolist() == fitted.predict(X).tolist()


def test_other_labels_are_refused(tmp_path):
    fitted = classifier().fit(np.float32(IMAGES[:, 0, :, 0]), Y)
    fitted.classes_ = np.array([0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match=r"integers or strings.*\[0.0, 0.5, 1.0\].*dtype=str"):
        export_onnx(fitted, tmp_path / "clf.onnx")
    assert not list(tmp_path.iterdir())


def test_logits_and_several_labels(tmp_path):
    X, y = np.float32(IMAGES[:, 0, :, 0]), np.eye(4, dtype=int)[Y] | np.eye(4, dtype=int)[Y[::-1]]
    fitted = classifier().fit(X, y)
    export_onnx(fitted, tmp_path / "clf.onnx")
    given = run(tmp_path / "clf.onnx", X)
    np.testing.assert_array_equal(given["label"], fitted.predict(X))
    np.testing.assert_allclose(given["probabilities"], fitted.predict_proba(X), atol=1e-5)
    export_onnx(fitted, tmp_path / "raw.onnx", options={"zipmap": False, "raw_scores": True})
    logits = run(tmp_path / "raw.onnx", X)["probabilities"]
    np.testing.assert_allclose(logits, fitted.decision_function(X), atol=1e-5)


def test_a_file_needs_nothing_of_ours(pipeline, path, tmp_path):
    np.save(tmp_path / "X.npy", IMAGES)
    code = (
        "import sys, numpy as np, onnxruntime\n"
        "session = onnxruntime.InferenceSession(sys.argv[1])\n"
        "label, _ = session.run(None, {'X': np.load('X.npy')})\n"
        "assert not {'tensorflow', 'keras', 'sklearn', 'cae_sklearn'} & set(sys.modules)\n"
        "print(*label)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(label) for label in pipeline.predict(IMAGES)]


def test_without_skl2onnx_the_extra_is_named(pipeline, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"pip install \"cae_sklearn\[onnx\]\""):
        export_onnx(pipeline, tmp_path / "model.onnx")


# -- what is looked at before a file is written ------------------------------------


TABLE = np.float32(IMAGES[:, 0, :, 0])


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros((1, 9, 9, 2), np.float32), "expects image_shape"),
        (IMAGES[0], "X\\[:1\\]"),
        (IMAGES[0, 0, 0], "X\\[:1\\]"),
    ],
)
def test_samples_that_the_estimator_does_not_take_are_refused(pipeline, tmp_path, X, words):
    with pytest.raises(ValueError, match=words):
        export_onnx(pipeline, tmp_path / "model.onnx", X)
    assert not list(tmp_path.iterdir())


def test_steps_that_do_nothing_are_left_out(tmp_path):
    inner = Pipeline([("nothing", None), ("scale", StandardScaler())])
    steps = [("first", "passthrough"), ("inner", inner), ("none", None), ("clf", classifier())]
    fitted = Pipeline(steps).fit(TABLE, Y)
    export_onnx(fitted, tmp_path / "model.onnx")
    assert_same(run(tmp_path / "model.onnx", TABLE), fitted, TABLE)
    with pytest.raises(ValueError, match="has nothing to export"):
        export_onnx(Pipeline([("first", "passthrough")]).fit(TABLE), tmp_path / "other.onnx")


def test_a_search_may_be_the_last_step(tmp_path):
    search = GridSearchCV(classifier(), {"alpha": [0.1]}, cv=2)
    for steps in ([], ["passthrough"]):
        fitted = make_pipeline(*steps, StandardScaler(), search).fit(TABLE, Y)
        export_onnx(fitted, tmp_path / "model.onnx")
        assert_same(run(tmp_path / "model.onnx", TABLE), fitted, TABLE)


@pytest.mark.parametrize("steps", [[], ["passthrough"]])
def test_options_may_name_the_whole_pipeline(tmp_path, steps):
    fitted = make_pipeline(*steps, StandardScaler(), classifier()).fit(TABLE, Y)
    for X in (TABLE, np.uint8(TABLE)):
        export_onnx(fitted, tmp_path / "model.onnx", X, options={id(fitted): {"zipmap": False}})
        assert_same(run(tmp_path / "model.onnx", X), fitted, X)


def test_a_search_that_keeps_no_estimator_is_refused(tmp_path):
    search = GridSearchCV(classifier(), {"alpha": [0.1]}, refit=False, cv=2).fit(TABLE, Y)
    with pytest.raises(ValueError, match="refit=True"):
        export_onnx(search, tmp_path / "model.onnx")


def test_without_a_sample_the_layout_must_be_known(tmp_path):
    fitted = make_pipeline(FunctionTransformer(), featurizer()).fit(IMAGES)
    with pytest.raises(ValueError, match=r"FunctionTransformer does not know.*X=images\[:1\]"):
        export_onnx(fitted, tmp_path / "model.onnx")
    export_onnx(fitted, tmp_path / "model.onnx", IMAGES[:1])
    features = run(tmp_path / "model.onnx", IMAGES)["variable"]
    np.testing.assert_allclose(features, fitted.transform(IMAGES), atol=1e-4)


def test_far_from_zero_the_input_is_float64_by_default(tmp_path):
    X = 1e8 + np.float64(TABLE)
    fitted = classifier().fit(X, Y)
    export_onnx(fitted, tmp_path / "model.onnx")
    assert_same(run(tmp_path / "model.onnx", X), fitted, X)
    X = np.c_[TABLE, np.full(40, 100, np.float32)]  # a constant is not that far
    fitted = classifier().fit(X, Y)
    export_onnx(fitted, tmp_path / "model.onnx")
    assert_same(run(tmp_path / "model.onnx", X), fitted, X)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])  # the lowest skl2onnx has no int16
def test_small_integers_may_go_into_a_scaler(tmp_path, dtype):
    X = IMAGES[:, 0, :, 0].astype(dtype)
    fitted = make_pipeline(StandardScaler(), PCA(3), classifier()).fit(X, Y)
    export_onnx(fitted, tmp_path / "model.onnx", X)
    assert_same(run(tmp_path / "model.onnx", X), fitted, X)


def test_columns_may_be_chosen_by_name(tmp_path):
    names = [f"column{i}" for i in range(TABLE.shape[1])]
    X = pandas.DataFrame(TABLE, columns=names)
    some = make_column_transformer((StandardScaler(), names[2:5]), remainder="passthrough")
    fitted = make_pipeline(some, classifier()).fit(X, Y)
    export_onnx(fitted, tmp_path / "model.onnx", X)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    label, probabilities = session.run(None, {name: X[[name]].to_numpy() for name in names})
    assert_same({"label": label, "probabilities": probabilities}, fitted, X)
    plain = classifier().fit(X, Y)  # all columns are one input
    export_onnx(plain, tmp_path / "plain.onnx", X)
    assert_same(run(tmp_path / "plain.onnx", TABLE), plain, X)


def test_skl2onnx_may_give_each_column_as_an_input():
    X = pandas.DataFrame(TABLE).add_prefix("column")
    register_converters()
    for fitted in (classifier().fit(X, Y), featurizer().fit(X)):
        model = to_onnx(fitted, X[:1]).SerializeToString()
        inputs = {name: X[[name]].to_numpy() for name in X}
        output = onnxruntime.InferenceSession(model).run(None, inputs)[0]
        expected = fitted.transform(X) if hasattr(fitted, "transform") else fitted.predict(X)
        np.testing.assert_allclose(output, expected, atol=1e-4)


@pytest.mark.parametrize("opset", [10, 11, 18])
def test_older_operators_do(tmp_path, opset):
    fitted = make_pipeline(featurizer(), classifier()).fit(IMAGES, Y)
    model = export_onnx(fitted, tmp_path / "model.onnx", IMAGES, target_opset=opset)
    assert max(one.version for one in model.opset_import if not one.domain) <= opset
    assert_same(run(tmp_path / "model.onnx", IMAGES), fitted, IMAGES)
