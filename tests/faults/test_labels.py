"""Labels of any type come back as they were given, and missing ones are refused by name."""

import numpy as np
import pandas as pd
import pytest
import sklearn

from cae_sklearn._labels import class_indices

LABELS = {
    "boolean": (pd.array([True, False, True] * 20, dtype="boolean"), [False, True], "b"),
    "Int64": (pd.array([2**53, 2**53 + 1, 3] * 20, dtype="Int64"), [3, 2**53, 2**53 + 1], "i"),
    "UInt8": (pd.array([7, 200, 3] * 20, dtype="UInt8"), [3, 7, 200], "u"),
    "string": (pd.array(["a", "b", "c"] * 20, dtype="string"), ["a", "b", "c"], "OUT"),
    "category of bool": (
        pd.Series([True, False, True] * 20, dtype="category"),
        [False, True],
        "b",
    ),
    "category of str": (pd.Categorical(["x", "y", "x"] * 20), ["x", "y"], "OUT"),
    "bool": (np.array([True, False, True] * 20), [False, True], "b"),
    "int64": (np.array([2**53, 2**53 + 1, 3] * 20), [3, 2**53, 2**53 + 1], "i"),
    "big endian": (np.array([5, 6, 7] * 20, dtype=">i4"), [5, 6, 7], "i"),
    "list of bool": ([True, False, True] * 20, [False, True], "b"),
    "uint64": (np.array([2**63 + 1, 2**63, 1] * 20, dtype="u8"), [1, 2**63, 2**63 + 1], "u"),
}


@pytest.fixture(scope="module")
def X(blobs):
    return blobs[0][:60]


@pytest.mark.parametrize("as_series", [False, True], ids=["array", "Series"])
@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_labels_come_back_as_they_were_given(X, make_classifier, name, method, as_series):
    y, classes, kinds = LABELS[name]
    if as_series:
        y = pd.Series(y)
    network = make_classifier()
    if method == "fit":
        network.fit(X, y)
    else:
        network.partial_fit(X, y, classes=y)
    assert network.classes_.tolist() == classes
    assert all(type(a) is type(b) for a, b in zip(network.classes_.tolist(), classes, strict=True))
    predicted = network.predict(X)
    assert predicted.dtype.kind in kinds
    assert set(predicted.tolist()) <= set(classes)
    assert 0.0 <= network.score(X, y) <= 1.0
    assert network.score(X, predicted) == 1.0


MISSING = {
    "NA among strings": pd.array(["a", "b", pd.NA] * 20, dtype="string"),
    "NA among integers": pd.array([1, 2, pd.NA] * 20, dtype="Int64"),
    "NA among booleans": pd.array([True, False, pd.NA] * 20, dtype="boolean"),
    "None among strings": np.array(["a", "b", None] * 20, dtype=object),
    "nan among strings": np.array(["a", "b", np.nan] * 20, dtype=object),
    "NA in a category": pd.Categorical(["a", "b", None] * 20),
    "NaT among dates": np.array(["2020-01-01", "2020-01-02", "NaT"] * 20, dtype="M8[D]"),
    "nan among numbers": np.array([1.0, 2.0, np.nan] * 20),
}


@pytest.mark.parametrize("as_series", [False, True], ids=["array", "Series"])
@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_missing_labels_are_refused_by_name(X, make_classifier, name, method, as_series):
    y = pd.Series(MISSING[name]) if as_series else MISSING[name]
    network = make_classifier()
    with pytest.raises(ValueError, match=r"\by\b.*(missing|NaN|NA\b)"):
        if method == "fit":
            network.fit(X, y)
        else:
            network.partial_fit(X, y, classes=["a", "b"])
    assert not hasattr(network, "classes_")


def test_missing_classes_are_refused_by_name(X, make_classifier):
    y = pd.array(["a", "b", "a"] * 20, dtype="string")
    with pytest.raises(ValueError, match="classes.*(missing|NaN|NA)"):
        make_classifier().partial_fit(X, y, classes=pd.array(["a", "b", pd.NA], dtype="string"))


@pytest.mark.parametrize("name", ["boolean", "Int64", "string", "category of str"])
def test_classes_may_be_named_again_in_any_type(X, make_classifier, name):
    y, classes, _ = LABELS[name]
    network = make_classifier().partial_fit(X, y, classes=y)
    for again in (y, pd.Series(y), classes, np.array(classes)[::-1]):
        network.partial_fit(X, y, classes=again)
    np.testing.assert_array_equal(network.classes_, classes)
    with pytest.raises(ValueError, match="not those of the first call"):
        network.partial_fit(X, y, classes=classes[:-1])


@pytest.mark.parametrize("method", ["fit", "warm start", "classes"])
def test_one_class_alone_is_refused(X, make_classifier, method):
    """In a warm start as in any fit; partial_fit may get one of several classes."""
    y = np.arange(60) % 3
    network = make_classifier(warm_start=True)
    if method == "warm start":
        network.fit(X, y)
    before = dict(vars(network))
    with pytest.raises(ValueError, match="two or more classes.*one class"):
        if method == "classes":
            network.partial_fit(X, 0 * y, classes=[0])
        else:
            network.fit(X, 0 * y)
    assert vars(network) == before
    if method == "warm start":
        network.partial_fit(X, 0 * y)
        network.fit(X, y % 2)  # some of the classes are enough
        assert len(network.classes_) == 3


@pytest.mark.parametrize(
    "y", [np.array(["a", 1, 2] * 20, dtype=object), np.array([True, "b"] * 30, dtype=object)]
)
def test_labels_that_have_no_order_are_refused_by_name(X, make_classifier, y):
    with pytest.raises((TypeError, ValueError), match=r"\by\b.*(one type|same type|mixed)"):
        make_classifier().fit(X, y)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "transform"])
def test_missing_values_in_nullable_columns_are_refused_by_name(
    X, make_classifier, make_featurizer, method
):
    frame = pd.DataFrame(X).convert_dtypes()
    spoiled = frame.copy()
    spoiled.iloc[3, 2] = pd.NA
    y = [0, 1, 2] * 20
    if method == "transform":
        fitted = make_featurizer().fit(frame)
        with pytest.raises(ValueError, match="NaN"):
            fitted.transform(spoiled)
        return
    network = make_classifier()
    with pytest.raises(ValueError, match="NaN"):
        if method == "predict":
            network.fit(frame, y).predict(spoiled)
        else:
            getattr(network, method)(spoiled, y, **({} if method == "fit" else {"classes": y}))


@pytest.mark.parametrize("output", ["pandas", "default"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_global_output_container_brings_no_warning(blobs, make_classifier, output, method):
    """Warnings are errors here: scikeras's target encoder warned of its ``func``."""
    X, y = blobs
    with sklearn.config_context(transform_output=output):
        network = make_classifier()
        if method == "fit":
            network.fit(X, y)
        else:
            network.partial_fit(X, y, classes=[0, 1, 2])
        assert network.predict(X).shape == (300,)


# -- labels of other kinds ------------------------------------------------------


def test_large_labels_of_two_integer_types_are_told_apart(blobs):
    y = np.array([2**60, 2**60 + 1])
    np.testing.assert_array_equal(class_indices(y.astype(np.uint64)[[1, 0, 1]], y), [1, 0, 1])
    with pytest.raises(ValueError, match=f"y holds classes .{2**60 + 2}"):
        class_indices(np.array([2**60 + 2], np.uint64), y)


@pytest.mark.parametrize("values", [(-1, 1), (0, 2)])
def test_multilabel_is_zeros_and_ones(blobs, make_classifier, values):
    X, y = blobs
    Y = np.where(np.c_[y == 0, y == 1], values[1], values[0])
    with pytest.raises(ValueError, match="y of several columns must hold 1 where"):
        make_classifier().fit(X, Y)


def test_a_missing_label_of_pandas_among_objects_is_named(blobs, make_classifier):
    labels = np.array(["a", "b", pd.NA] * 100, dtype=object)
    with pytest.raises(ValueError, match="y holds 100 missing labels"):
        make_classifier().fit(blobs[0], labels)


def test_a_frame_of_one_column_is_that_column(blobs, make_classifier):
    X, y = blobs
    frame = pd.DataFrame({"y": pd.array(y == 0, dtype="boolean")})
    assert make_classifier().fit(X, frame).predict(X[:3]).dtype == bool


@pytest.mark.parametrize("both", [False, True])
def test_a_validation_set_of_another_kind_is_refused_by_name(blobs, make_classifier, both):
    X, y = blobs
    Y = np.c_[y == 0, y == 1].astype(int)
    y, y_val = (Y, y) if both else (y, Y)
    with pytest.raises(ValueError, match="y_val must be of the kind of y"):
        make_classifier(early_stopping=True).fit(X, y, X_val=X[:40], y_val=y_val[:40])


def test_a_validation_set_with_another_class_is_refused_by_name(blobs, make_classifier):
    X, y = blobs
    with pytest.raises(ValueError, match="y_val holds classes .7."):
        make_classifier(early_stopping=True).fit(X, y, X_val=X[:40], y_val=y[:40] * 0 + 7)
