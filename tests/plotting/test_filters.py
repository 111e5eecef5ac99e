"""The filters of a network are drawn as they are."""

import numpy as np
import pytest
from drawings import images, shown
from sklearn.model_selection import GridSearchCV

from cae_sklearn import CAEFeaturizer
from cae_sklearn.plotting import FilterDisplay, TrainingCurveDisplay


def test_the_filters_are_those_of_the_encoder_of_an_estimator_a_pipeline_or_a_search(fitted):
    pipeline, X, y = fitted
    display = FilterDisplay.from_estimator(pipeline, n_filters=3)
    np.testing.assert_array_equal(display.filters, pipeline["cae"].filters_[:3])
    alone = FilterDisplay.from_estimator(pipeline["cae"])
    np.testing.assert_array_equal(alone.filters[:3], display.filters)
    search = GridSearchCV(pipeline, {})
    search.best_estimator_, search.best_index_ = pipeline, 0
    search.n_splits_ = 2  # a fitted attribute of its own
    np.testing.assert_array_equal(FilterDisplay.from_estimator(search).filters, alone.filters)
    assert TrainingCurveDisplay.from_estimator(search).loss == pipeline["clf"].loss_curve_


def test_zero_is_mid_grey_and_the_largest_weight_of_each_filter_white():
    filters = np.zeros((2, 2, 2, 1))
    filters[0, 0, 0], filters[0, 0, 1], filters[1, 1, 1] = 3, -1.5, 1e-3
    display = FilterDisplay(filters=filters).plot()
    first, second = (shown(ax)[..., 0] for ax in display.axes_)
    np.testing.assert_allclose(first, [[1, 0.25], [0.5, 0.5]])
    np.testing.assert_allclose(second, [[0.5, 0.5], [0.5, 1]])


def test_filters_of_zeros_signals_and_colours_are_drawn():
    for shape in [(2, 3, 3, 3), (1, 1, 5, 1)]:
        for filters in np.zeros(shape), images(*shape):
            display = FilterDisplay(filters=filters).plot()
            assert len(display.axes_) == len(filters)


def test_filters_of_other_channels_are_an_error():
    cae = CAEFeaturizer(2, epochs=0, random_state=0).fit(images(12, 6, 6, 2))
    with pytest.raises(ValueError, match="1 or 3 channels, but they have 2. Pass filters="):
        FilterDisplay.from_estimator(cae)
