"""The images of ``reproduce`` where CIFAR-10 cannot be fetched."""

import pytest

from cae_sklearn.__main__ import get_parser, main
from cae_sklearn._commands import _subsets
from cae_sklearn._commands._reproduce_images import load_images


def test_without_a_network_a_quick_run_takes_digits(monkeypatch, capsys):
    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(_subsets, "load_cifar10", fail)
    images = load_images(get_parser().parse_args(["reproduce", "--quick"]))
    assert images.x_train.shape == (1000, 8, 8, 1)
    assert "digits take its place" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["reproduce"])
    assert "CIFAR-10 could not be fetched: URL fetch failure" in capsys.readouterr().err
