"""scikit-learn's own checks, on small networks; slowly on the defaults with fewer epochs."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

BATCHES = (
    "a weight of two is not a sample taken twice: the batches, and so the statistics of "
    "batch normalisation and the random numbers of dropout, are others"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": BATCHES,
    "check_sample_weight_equivalence_on_sparse_data": BATCHES,
}
SKIPS = {"check_array_api_input": "runs only where SCIPY_ARRAY_API is set before SciPy starts"}
LONG = {  # these fit many networks of different sizes
    "check_classifiers_multilabel_representation_invariance",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimators_dtypes",
    "check_estimators_overwrite_params",
    "check_fit2d_1sample",
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_sample_weight_equivalence_on_dense_data",
}
SMALL = [
    # without epochs: the filters are those that training starts from
    (CAEFeaturizer(4, n_components=20, epochs=0), {}),
    (ElasticNetBNMLPClassifier((16,), epochs=30, learning_rate=0.01), EXPECTED_FAILURES),
]
DEFAULTS = [
    (CAEFeaturizer(epochs=2), {}),
    (ElasticNetBNMLPClassifier(epochs=30), EXPECTED_FAILURES),
]


def generated(estimator):
    """Return scikit-learn's checks of an estimator, each beside it."""
    return list(estimator_checks_generator(estimator, mark=None))


def checks_of(estimators, size, slow):
    """Return a parameter of the test for each check of each estimator, some or all slow."""
    return [
        pytest.param(
            estimator,
            check,
            expected,
            id=f"{type(estimator).__name__}-{size}-{check.func.__name__}",
            marks=[pytest.mark.slow] if check.func.__name__ in slow else [],
        )
        for estimator, expected in estimators
        for estimator, check in generated(estimator)
    ]


ALL = {check.func.__name__ for estimator, _ in SMALL for _, check in generated(estimator)}
CHECKS = checks_of(SMALL, "small", LONG) + checks_of(DEFAULTS, "defaults", ALL)


@pytest.mark.filterwarnings("default")  # the checks provoke warnings
@pytest.mark.parametrize(("estimator", "check", "expected"), CHECKS)
def test_estimator_check(estimator, check, expected):
    name = check.func.__name__
    if name in SKIPS:
        pytest.skip(SKIPS[name])
    if name in expected:
        with pytest.raises((AssertionError, ValueError)):
            check(estimator)
    else:
        check(estimator)
