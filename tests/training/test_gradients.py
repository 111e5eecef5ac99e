"""The gradients of a batch, whole or cut into micro-batches."""

import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._networks.building import initial_weights
from cae_sklearn._networks.deep import DeepAutoencoder
from cae_sklearn._networks.denoising import Views
from cae_sklearn._training.optimizers import numbers_of_steps


@pytest.fixture(scope="module")
def model():
    network = DeepAutoencoder.for_images(
        (6, 4, 1),
        Views.for_images((6, 4, 1), shift=0.0, flip=None, shrinkage="auto"),
        filters=(4, 3),
        kernel_size=3,
        activation="tanh",
        batch_norm=False,
        output_size=None,
        n_components=None,
    )
    return network.build("trainer")


@pytest.mark.parametrize("n_samples", [1, 5, 24])
def test_micro_batches_give_the_gradients_of_the_batch(model, n_samples):
    rng = np.random.default_rng(n_samples)
    x = tf.constant(rng.normal(size=(n_samples, 6, 4, 1)), tf.float32)
    weight = tf.constant(rng.uniform(size=n_samples), tf.float32)
    results = []
    for n_micro_batches in (1, 4):
        start = initial_weights(model, 0) | {"standardize/scale": np.ones(1, np.float32)}
        model.prepare(seed=0, learning_rate=0.01, weights=start, noise=0.0)
        model.gradients.n_micro_batches = n_micro_batches
        [numbers] = tf.unstack(
            numbers_of_steps(model.optimizer, 0.01, 1, model.trainable_variables), 1
        )
        loss = model.epochs.train_step((x, None, weight), numbers, tf.constant(float(n_samples)))
        slots = next(iter(model.slots().values()))[1:]  # what the gradients were
        results.append([loss, *slots])
    for one, several in zip(*results, strict=True):
        np.testing.assert_allclose(one, several, rtol=1e-4, atol=1e-7)
    assert any(np.any(values) for values in results[0][1:])
