"""The kernels of the fast loop: Keras's optimizers, to rounding, each with its proximal step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from marks import slowly
from trainers import NETWORK, InOrder

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn._networks.building import initial_weights
from cae_sklearn._networks.dense import elastic_net
from cae_sklearn._training import pool
from cae_sklearn._training.optimizers import (
    Recipe,
    apply_update,
    is_fast,
    make,
    numbers_of_steps,
)
from cae_sklearn._training.proximal import ElasticNet

RECIPES = {
    "adam": Recipe.named("adam"),
    "adamw": Recipe.named("adamw"),
    "sgd": Recipe.named("sgd", 0.9),
    "sgd without momentum": Recipe.named("sgd", 0.0),
    "rmsprop": Recipe.named("rmsprop"),
}


def weights_after(apply, recipe, gradients, **regularizer):
    """Return two variables after a step for each pair of gradients."""
    w = [keras.Variable(np.float32(value)) for value in ([[1, -1, 0.5]], [0.2, 3])]
    w[0].regularizer = ElasticNet(**regularizer) if regularizer else None
    optimizer = make(recipe)
    optimizer.build(w)
    optimizer.learning_rate = 0.05

    @tf.function
    def step(*gradients):
        apply(optimizer, w, gradients)

    for pair in gradients:
        step(*map(tf.constant, pair))
    return [variable.numpy() for variable in w], [v.numpy() for v in optimizer.variables]


def update(optimizer, variables, gradients, learning_rate):
    [numbers] = tf.unstack(numbers_of_steps(optimizer, learning_rate, 1, variables), 1)
    apply_update(optimizer, variables, gradients, numbers)


def ours(optimizer, variables, gradients):
    update(optimizer, variables, gradients, 0.05)


def kerass(optimizer, variables, gradients):
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_a_kernel_does_what_kerass_optimizer_does(name):
    rng = np.random.default_rng(0)
    gradients = [[np.float32(rng.normal(size=s)) for s in ((1, 3), 2)] for _ in range(20)]
    (fast, fast_state), (slow, state) = (
        weights_after(apply, RECIPES[name], gradients) for apply in (ours, kerass)
    )
    for a, b in zip([*fast, *fast_state], [*slow, *state], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"adamw"}))
def test_a_kernel_finds_the_minimum_with_its_exact_zeros(name):
    """Of ``sum(c * (w - a)**2) / 2 + 0.02 * sum(abs(w))``, which is known in closed form."""
    a = np.float32([0.5, -0.3, 0.01, -0.03, 0.0, 0.2, -0.001, 0.06])
    c = np.float32([1.0, 0.5, 1.0, 0.5, 1.0, 0.2, 1.0, 0.3])
    w = keras.Variable(np.float32([1, 1, -1, 1, 0, 0, -0.5, 0.3]))
    w.regularizer = ElasticNet(tf.Variable(0.02), tf.Variable(0.0))
    optimizer = make(RECIPES[name])
    optimizer.build([w])
    rate = {"sgd": 0.02, "sgd without momentum": 0.1, "rmsprop": 2e-3}.get(name, 0.05)

    @tf.function
    def run():
        for step in tf.range(1500):
            share = tf.cast(step, tf.float32) / 1500  # momentum remembers a rate that falls fast
            present = tf.constant(rate) if name == "sgd" else rate * (1 - share)
            update(optimizer, [w], [c * (w.value - a)], present)

    run()
    minimum = np.sign(a) * np.maximum(np.abs(a) - 0.02 / c, 0)
    np.testing.assert_array_equal(w.numpy() == 0, minimum == 0)
    np.testing.assert_allclose(w.numpy(), minimum, atol=2e-3)


class WatchBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


@pytest.mark.parametrize("name", ["adam", *slowly(sorted({*RECIPES} - {"adam"}))])
def test_both_loops_learn_the_same(blobs, name):
    model = NETWORK.build("trainer", RECIPES[name])
    start, found = initial_weights(model, 0), []
    for callbacks in ([], [WatchBatches()]):
        model.prepare(
            seed=0, learning_rate=0.01, weights=start, **elastic_net(0.02, 0.7), dropout_rate=0.0
        )
        model.rng = InOrder()
        model.fit(blobs[0], np.int32(blobs[1]), batch_size=32, epochs=4, callbacks=callbacks)
        found.append((model.get_weights(), model.history.history["loss"]))
    (fast, losses), (slow, kerass_losses) = found
    np.testing.assert_allclose(losses, kerass_losses, rtol=1e-3)
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-3)


def test_which_optimizers_are_fast():
    def made(name="Adam", rate=0.01, **settings):
        optimizer = getattr(keras.optimizers, name)(rate, **settings)
        optimizer.build([keras.Variable(np.zeros(2))])
        return optimizer

    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    assert is_fast(made()) and is_fast(made(beta_1=0.5, epsilon=1e-3))
    assert is_fast(made("SGD", momentum=0.5)) and is_fast(made("RMSprop"))
    slow = [{"amsgrad": True}, {"clipnorm": 1.0}, {"weight_decay": 0.1}, {"use_ema": True}]
    slow += [{"rate": schedule}, {"name": "Nadam"}, {"name": "SGD", "nesterov": True}]
    slow += [{"name": "RMSprop", "momentum": 0.5}, {"name": "RMSprop", "centered": True}]
    for settings in [*slow, {"name": "SGD", "weight_decay": 0.1}, {"name": "AdamW"}]:
        assert not is_fast(made(**settings)), settings


@pytest.mark.parametrize("name", ["sgd", *slowly(["adam", "adamw", "rmsprop"])])
def test_the_learning_rate_does_what_it_says(blobs, name):
    X, y = blobs
    scores = [
        ElasticNetBNMLPClassifier(
            (16, 8), epochs=10, optimizer=name, learning_rate=rate, early_stopping=False,
            random_state=0,
        ).fit(X, y).loss_curve_
        for rate in (1e-9, 1e-2)
    ]  # fmt: skip
    assert min(scores[0]) > 1.1 * min(scores[1])


def test_an_own_optimizer_is_traced_once(blobs, monkeypatch):
    """Its state, which is not zero at the start, and its rate are those of a new one each time."""
    X, y = blobs
    built = []
    build = type(NETWORK).build

    def counted(self, part, *arguments):
        built.append(part)
        return build(self, part, *arguments)

    monkeypatch.setattr(type(NETWORK), "build", counted)
    monkeypatch.setattr(pool, "_idle", [])
    falling = keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=1.0)
    network = ElasticNetBNMLPClassifier(
        (16, 8), epochs=3, optimizer=keras.optimizers.Nadam(0.01), callbacks=[falling],
        early_stopping=False, random_state=0,
    )  # fmt: skip
    first = network.fit(X, y).output_coef_
    np.testing.assert_array_equal(network.fit(X, y).output_coef_, first)
    for _ in range(3):
        network.partial_fit(X[:40], y[:40])
    assert built.count("trainer") == 1


def test_a_momentum_beside_another_optimizer_is_warned_of(blobs):
    network = ElasticNetBNMLPClassifier((16, 8), epochs=1, momentum=0.5)
    with pytest.warns(UserWarning, match="momentum=0.5 has no effect with optimizer='adam'"):
        network.fit(*blobs)
