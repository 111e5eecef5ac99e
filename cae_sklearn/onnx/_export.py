"""Fitted estimators as ONNX files."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._featurizer import CAEFeaturizer
from ._convert import import_skl2onnx, register_converters


def export_onnx(estimator, path, X=None, *, target_opset=None, options=None):
    """Write a fitted estimator as an ONNX file.

    The file predicts what the estimator does, to about 1e-6, wherever an ONNX runtime is;
    neither Python nor TensorFlow is needed there. A classifier, or a pipeline that ends in one,
    has the outputs ``label`` and ``probabilities``, a transformer ``variable``, its features.
    The input is called ``X``.

    Parameters
    ----------
    estimator : CAEFeaturizer, ElasticNetBNMLPClassifier or Pipeline
        Fitted. The other steps of a pipeline may be all that skl2onnx converts, such as
        scikit-learn's scalers and PCA. Of a search, its ``best_estimator_`` is written.
    path : str or path
        Where to write; by custom, it ends in ".onnx".
    X : ndarray, default=None
        A sample or more, of which only layout and dtype are looked at: the file takes any number
        of samples like these. None means those of ``fit``, as float32.
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
        For labels that are neither integers nor strings.

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
    estimator = getattr(estimator, "best_estimator_", estimator)
    check_is_fitted(estimator)
    first, last = _ends(estimator)
    if X is None:
        X = np.zeros((1, *_layout(first)), np.float32)
    if options is None and is_classifier(last):
        options = {id(last): {"zipmap": False}}
    model = skl2onnx.to_onnx(
        estimator, X=np.asarray(X[:1]), target_opset=target_opset, options=options
    )
    with open(path, "wb") as stream:
        stream.write(model.SerializeToString())
    return model


def _ends(estimator):
    """Return the first and the last estimator of nested pipelines."""
    first = last = estimator
    while isinstance(first, Pipeline):
        first = next(step for _, step in first.steps if step not in (None, "passthrough"))
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    return first, last


def _layout(estimator):
    """Return the shape of a sample that a fitted estimator saw in fit."""
    if isinstance(estimator, CAEFeaturizer):
        return estimator._learned[-1]
    return (estimator.n_features_in_,)
