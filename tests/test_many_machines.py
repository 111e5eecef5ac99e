"""Two worker processes of Dask, as if they were machines, one of which dies."""

from itertools import chain

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

array = pytest.importorskip("dask.array")


@pytest.fixture(scope="module")
def featurizer(digits):
    settings = {"filters": 4, "kernel_size": 3, "n_components": 6, "epochs": 1, "random_state": 0}
    return CAEFeaturizer(**settings).fit(digits[0][:100])


def test_a_dask_array_is_refused_with_the_way_out(digits, featurizer, blobs):
    images = array.from_array(digits[0], chunks=(100, -1, -1))
    for call in (featurizer.transform, featurizer.fit, featurizer.score):
        with pytest.raises(TypeError, match=r"X is a dask collection.*map_blocks"):
            call(images)
    classifier = ElasticNetBNMLPClassifier((8,), epochs=1)
    with pytest.raises(TypeError, match="dask collection"):
        classifier.fit(array.from_array(blobs[0]), blobs[1])


def test_blocks_are_featurized_lazily(digits, featurizer):
    images = array.from_array(digits[0], chunks=(150, -1, -1))
    features = images.map_blocks(
        featurizer.transform,
        drop_axis=[1, 2],
        new_axis=1,
        chunks=(images.chunks[0], (6,)),
        dtype=np.float32,
        meta=np.empty((0, 0), np.float32),
    )
    assert features.shape == (600, 6) and features.npartitions == 4
    expected = featurizer.transform(digits[0])
    np.testing.assert_array_equal(features.compute(scheduler="synchronous"), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_a_search_outlives_a_worker(digits):
    """The scores are those of one process, although a worker is killed half-way."""
    import os
    import signal
    import threading
    import time

    import joblib

    distributed = pytest.importorskip("distributed")
    images, labels = digits[0][:200], digits[1][:200] % 3
    pipeline = Pipeline(
        [
            ("cae", CAEFeaturizer(4, kernel_size=3, n_components=6, epochs=1, random_state=0)),
            ("clf", ElasticNetBNMLPClassifier((8,), epochs=30, random_state=0)),
        ]
    )
    grid = {"clf__alpha": [1e-4, 1e-3, 1e-2], "clf__learning_rate": [1e-3, 1e-2]}
    folds = list(StratifiedKFold(3).split(images, labels))
    search = GridSearchCV(pipeline, grid, cv=folds)
    expected = search.fit(images, labels).cv_results_["mean_test_score"]
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.amm.stop()  # it would drop the copies of what is scattered
        first = next(iter(client.run(os.getpid).values()))

        def kill():
            time.sleep(12)
            os.kill(first, signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()
        with joblib.parallel_config("dask", scatter=[images, labels, *chain(*folds)]):
            search.fit(images, labels)
        assert first not in client.run(os.getpid).values()
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], expected)
