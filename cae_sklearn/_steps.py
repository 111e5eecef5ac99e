"""What a fitted Pipeline or search is made of."""

from sklearn.pipeline import Pipeline


def found(estimator):
    """Return the best estimator of a fitted search; any other one as it is."""
    return getattr(estimator, "best_estimator_", estimator)


def steps_of(estimator):
    """Return the steps of a Pipeline, those of inner ones too; else the estimator alone."""
    estimator = found(estimator)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [inner for _, step in estimator.steps for inner in steps_of(step)]
