"""What is printed, and parameters beside an own optimizer."""

import keras
import pytest

OPTIMIZERS = ["adam", keras.optimizers.SGD(0.1, nesterov=True)]
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["fast loop", "Keras's loop"])


def loops(least, *others):
    """Return pairs of ``verbose`` and an optimizer; slow are other values in Keras's loop."""
    fast, own = OPTIMIZERS
    return [
        *[pytest.param(verbose, fast, id=f"{verbose}-fast loop") for verbose in (least, *others)],
        pytest.param(least, own, id=f"{least}-Keras's loop"),
        *[
            pytest.param(verbose, own, id=f"{verbose}-Keras's loop", marks=pytest.mark.slow)
            for verbose in others
        ],
    ]


@pytest.mark.parametrize(("verbose", "optimizer"), loops(1, True, 2, 10))
def test_verbose_prints_a_line_with_the_losses_for_each_epoch(
    blobs, make_classifier, capsys, optimizer, verbose
):
    make_classifier(verbose=verbose, optimizer=optimizer, early_stopping=True).fit(*blobs)
    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if " loss: " in line]
    assert len(lines) == 2
    assert all("val_loss: " in line for line in lines)
    assert not set("\r\b\x1b━") & set(printed)  # no bars


@pytest.mark.parametrize(("verbose", "optimizer"), loops(0, False))
def test_nothing_is_printed_without_verbose(blobs, make_classifier, capsys, optimizer, verbose):
    make_classifier(verbose=verbose, optimizer=optimizer).fit(*blobs)
    assert capsys.readouterr().out == ""


@optimizers
def test_the_featurizer_prints_a_line_with_the_loss_for_each_epoch(
    digits, make_featurizer, capsys, optimizer
):
    make_featurizer(verbose=10, epochs=2, optimizer=optimizer).fit(digits[0][:60])
    printed = capsys.readouterr().out
    assert len([line for line in printed.splitlines() if " loss: " in line]) == 2
    assert not set("\r\b\x1b━") & set(printed)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_learning_rate_beside_an_own_optimizer_is_warned_of(blobs, make_classifier, method):
    X, y = blobs
    network = make_classifier(learning_rate=0.5, optimizer=keras.optimizers.SGD(0.1, nesterov=True))
    with pytest.warns(UserWarning, match="learning_rate=0.5.*optimizer"):
        if method == "fit":
            network.fit(X, y)
        else:
            network.partial_fit(X, y, classes=[0, 1, 2])


def test_the_featurizer_warns_of_a_learning_rate_beside_an_own_optimizer(digits, make_featurizer):
    network = make_featurizer(learning_rate=0.5, optimizer=keras.optimizers.SGD(0.1, nesterov=True))
    with pytest.warns(UserWarning, match="learning_rate=0.5.*optimizer"):
        network.fit(digits[0][:60])


def test_the_default_learning_rate_beside_an_own_optimizer_is_not_warned_of(blobs, make_classifier):
    make_classifier(optimizer=keras.optimizers.SGD(0.1, nesterov=True)).fit(*blobs)
