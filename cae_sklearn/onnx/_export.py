"""Fitted estimators as ONNX files."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from .._classifier import ElasticNetBNMLPClassifier
from .._featurizer import CAEFeaturizer
from .._steps import found, steps_of
from ._convert import import_skl2onnx, register_converters

OURS = CAEFeaturizer | ElasticNetBNMLPClassifier
FEW = 100  # samples that are tried
FAR = 1e5  # from zero: float32 has steps of a hundredth
SMALL = [np.dtype(name) for name in ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32")]


def export_onnx(estimator, path, X=None, *, target_opset=None, options=None):
    """Write a fitted estimator as an ONNX file.

    The file predicts what the estimator does, probabilities to about 1e-6 and features to about
    1e-5 of the largest, wherever an ONNX runtime is; neither Python nor TensorFlow is needed
    there. A classifier, or a pipeline that ends in one, has the outputs ``label`` and
    ``probabilities``, a transformer ``variable``, its features. The input is called ``X``.

    Parameters
    ----------
    estimator : CAEFeaturizer, ElasticNetBNMLPClassifier or Pipeline
        Fitted. The other steps of a pipeline may be all that skl2onnx converts, such as
        scikit-learn's scalers and PCA. Of a search, its ``best_estimator_`` is written.
    path : str or path
        Where to write; by custom, it ends in ".onnx".
    X : ndarray or DataFrame, default=None
        A sample or more, of which only layout and dtype are looked at: the file takes any number
        of samples like these. None means those of ``fit``, as float32, or as float64 where they
        are too far from zero for that. Of a DataFrame, if the pipeline has a ColumnTransformer,
        each column is an input of its own.
    target_opset : int or dict, default=None
        Version of ONNX's operators; None is the newest that skl2onnx has tested.
    options : dict, default=None
        Of skl2onnx. By default probabilities come as an array (``zipmap=False``).

    Returns
    -------
    onnx.ModelProto
        What was written.

    Raises
    ------
    ImportError
        Without skl2onnx: ``pip install "cae_sklearn[onnx]"``.
    ValueError
        For labels that are neither integers nor strings, for X that the estimator does not take,
        and without X where the pipeline begins with a step that does not know the images.

    See Also
    --------
    cae_sklearn.onnx.register_converters : For skl2onnx's own ``to_onnx``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_digits
    >>> from cae_sklearn import ElasticNetBNMLPClassifier, export_onnx
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ElasticNetBNMLPClassifier(epochs=1, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     model = export_onnx(clf, f"{folder}/digits.onnx")
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    skl2onnx = import_skl2onnx()
    register_converters()
    given = estimator = found(estimator)
    steps = _acting(estimator)
    if len(steps) < len(steps_of(estimator)):
        estimator = make_pipeline(*steps)
    check_is_fitted(estimator)
    first = steps[0]
    X = _sample(estimator, first) if X is None else _checked(estimator, X)
    if not isinstance(first, OURS) and getattr(X, "dtype", None) in SMALL:
        from skl2onnx.sklapi import CastTransformer

        estimator = make_pipeline(CastTransformer(dtype=np.float32), estimator)
    if options is None:
        options = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
    elif id(given) in options:
        options = {**options, id(estimator): options[id(given)]}
    model = skl2onnx.to_onnx(estimator, X=X, target_opset=target_opset, options=options)
    with open(path, "wb") as stream:
        stream.write(model.SerializeToString())
    return model


def _acting(estimator):
    """Return the steps that do something, in order."""
    steps = [step for step in steps_of(estimator) if step not in (None, "passthrough")]
    if not steps:
        raise ValueError("A pipeline without steps has nothing to export. Give it some.")
    for step in steps:
        if hasattr(step, "cv_results_"):
            raise ValueError(
                f"{type(step).__name__} with refit={step.refit} has no best_estimator_ to "
                "export. Set refit=True."
            )
    return steps


def _checked(estimator, X):
    """Return a sample as skl2onnx takes it; what the estimator does not take is an error."""
    getattr(estimator, "transform" if hasattr(estimator, "transform") else "predict")(X[:FEW])
    by_name = hasattr(X, "columns") and list(_inside(estimator, ColumnTransformer))
    return X[:1] if by_name else np.asarray(X[:1])


def _sample(estimator, first):
    """Return a sample like those of fit."""
    ours = [one for one in _inside(estimator, OURS) if hasattr(one, "_learned")]
    if isinstance(first, CAEFeaturizer):
        shape = first._learned[-1]
    elif not any(isinstance(one, CAEFeaturizer) and len(one._learned[-1]) > 1 for one in ours):
        shape = (first.n_features_in_,)
    else:
        raise ValueError(
            "X=None takes the layout of the images from the first step, which "
            f"{type(first).__name__} does not know. Pass a sample, X=images[:1]."
        )
    offsets = [one._learned[1].get("offset", 0.0) for one in ours]
    is_far = any(np.abs(offset).max() >= FAR for offset in offsets)
    return np.zeros((1, *shape), np.float64 if is_far else np.float32)


def _inside(estimator, kind):
    """Yield the estimators of a kind: this one, and those among its parts."""
    for part in (estimator, *estimator.get_params().values()):
        if isinstance(part, kind):
            yield part
