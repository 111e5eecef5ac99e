"""What a display looks up in a fitted estimator, which may be a Pipeline or a search."""

from sklearn.pipeline import Pipeline

from .._steps import found, steps_of


def step_with(estimator, *names):
    """Return the last step that has one of the learned attributes `names`, and its value."""
    for step in reversed(steps_of(estimator)):
        for name in names:
            if hasattr(step, name):
                return step, getattr(step, name)
    kinds = ", ".join(type(step).__name__ for step in steps_of(estimator))
    within = " of the Pipeline" if isinstance(estimator, Pipeline) else ""
    raise TypeError(
        f"estimator must have learned {' or '.join(names)}, but {kinds}{within} has not. "
        "Pass an estimator that has, or a Pipeline with such a step."
    )


def features_of(estimator, X):
    """Return features of X: by a transformer, or by the steps of a Pipeline before its last."""
    estimator = found(estimator)
    if isinstance(estimator, Pipeline) and not hasattr(estimator, "transform"):
        estimator = estimator[:-1]
    return estimator.transform(X)


def autoencoder_of(estimator):
    """Return a featurizer, or the part of a Pipeline up to its last step that can be inverted."""
    estimator = found(estimator)
    if not isinstance(estimator, Pipeline):
        return estimator
    places = [
        i for i, (_, step) in enumerate(estimator.steps) if hasattr(step, "inverse_transform")
    ]
    part = estimator[: places[-1] + 1] if places else None
    if part is None or not hasattr(part, "inverse_transform"):
        raise TypeError(
            "featurizer must lead from features back to images, but not every step of the Pipeline "
            "up to its featurizer has inverse_transform. Pass the step, such as pipeline['cae']."
        )
    return part
