"""How skl2onnx converts the two estimators: the types of their outputs, and the nodes."""

import numpy as np

from .._classifier import ElasticNetBNMLPClassifier
from .._featurizer import CAEFeaturizer
from ._graph import Graph

FEATURIZER, CLASSIFIER = "CaeSklearnCAEFeaturizer", "CaeSklearnElasticNetBNMLPClassifier"
CLASSIFIER_OPTIONS = {  # of skl2onnx's classifiers
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
    "nocl": [True, False],
}


def register_converters():
    """Tell skl2onnx how to convert the estimators of this package.

    Its own ``to_onnx`` and ``convert_sklearn`` then take them, alone or among others.

    Raises
    ------
    ImportError
        Where skl2onnx is not installed.

    See Also
    --------
    cae_sklearn.export_onnx : Does it, and writes a file.
    """
    skl2onnx = import_skl2onnx()
    skl2onnx.update_registered_converter(
        CAEFeaturizer, FEATURIZER, _type_features, _convert_featurizer, parser=_parse_featurizer
    )
    skl2onnx.update_registered_converter(
        ElasticNetBNMLPClassifier,
        CLASSIFIER,
        _type_labels,
        _convert_classifier,
        options=CLASSIFIER_OPTIONS,
    )


def import_skl2onnx():
    """Return the module skl2onnx, or say how to get it."""
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "ONNX files need skl2onnx, which is not installed. Install the extra: "
            'pip install "cae_sklearn[onnx]".'
        ) from error
    return skl2onnx


def _input(graph, operator):
    """Return the name of all inputs side by side: there may be one for each column."""
    names = [variable.full_name for variable in operator.inputs]
    return graph("Concat", *names, axis=1) if len(names) > 1 else names[0]


# -- the featurizer -----------------------------------------------------------------


def _parse_featurizer(scope, model, inputs, custom_parsers=None):
    """Declare the features, which are float32 whatever the images are."""
    from skl2onnx.common.data_types import FloatTensorType

    operator = scope.declare_local_operator(FEATURIZER, model)
    operator.inputs = inputs
    features = scope.declare_local_variable("variable", FloatTensorType())
    operator.outputs.append(features)
    return operator.outputs


def _type_features(operator):
    """Set the shape of the features."""
    n_samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type.shape = [n_samples, operator.raw_operator._n_features_out]


def _convert_featurizer(scope, operator, container):
    """Add the nodes from images, in any layout, to features."""
    from .._networks.layers import GridPooling
    from ._layers import cells_of_grid, converted

    graph, featurizer = Graph(scope, container), operator.raw_operator
    network, weights, _ = featurizer._learned
    x = graph.reshape(_input(graph, operator), (-1, *featurizer.image_shape_))
    if "offset" in weights:
        x = graph("Sub", graph.cast(x, np.float64), weights["offset"])
    x = graph("Transpose", graph.cast(x, np.float32), perm=[0, 3, 1, 2])
    if network.full_size:
        x = cells_of_grid(graph, GridPooling(network.image_shape[:2]), x, network.full_size)
    model = network.loaded("encoder", weights)
    features = converted(graph, model, x)[model.layers[-1].name]
    graph("Identity", features, output=operator.outputs[0].full_name)


# -- the classifier -----------------------------------------------------------------


def _type_labels(operator):
    """Set the types of labels and probabilities."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    labels = _labels(operator)
    n_samples = operator.inputs[0].get_first_dimension()
    label_type = StringTensorType if labels.dtype.kind == "U" else Int64TensorType
    scores = [n_samples, len(labels)]
    multilabel = operator.raw_operator._network.multilabel
    operator.outputs[0].type = label_type(scores if multilabel else [n_samples])
    operator.outputs[1].type = FloatTensorType(scores)


def _labels(operator):
    """Return the labels as integers or strings, of which ONNX has tensors."""
    classifier = operator.raw_operator
    if operator.scope_inst.get_options(classifier, {"nocl": False})["nocl"]:
        return np.arange(len(classifier.classes_))
    classes = np.asarray(classifier.classes_.tolist())
    if classes.dtype.kind == "U":
        return classes
    if classes.dtype.kind in "biuf" and (classes == classes.astype(np.int64)).all():
        return classes.astype(np.int64)
    raise ValueError(
        f"ONNX has labels that are integers or strings, but classes_ holds {classes.tolist()}. "
        "Fit with such labels, for instance np.asarray(y, dtype=str)."
    )


def _convert_classifier(scope, operator, container):
    """Add the nodes from features to labels, and to probabilities or logits."""
    from ._layers import converted

    graph, classifier = Graph(scope, container), operator.raw_operator
    raw = scope.get_options(classifier, {"raw_scores": False})["raw_scores"]
    label, scores = (variable.full_name for variable in operator.outputs)
    network, weights, _ = classifier._learned
    x = _input(graph, operator)
    if "offset" in weights:
        x = graph("Sub", graph.cast(x, np.float64), weights["offset"])
    outputs = converted(graph, network.loaded(weights), graph.cast(x, np.float32))
    if network.multilabel:
        graph.cast(graph("Greater", outputs["output"], np.float32(0.0)), np.int64, output=label)
    else:
        best = graph("ArgMax", outputs["output"], axis=1, keepdims=0)
        graph("Gather", _labels(operator), best, output=label)
    graph("Identity", outputs["output" if raw else "probabilities"], output=scores)
