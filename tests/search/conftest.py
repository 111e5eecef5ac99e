"""Fixtures of the tests of searches."""

import pytest

from .toy import Toy


@pytest.fixture(autouse=True)
def fresh_toy():
    Toy.fits, Toy.stop_at = [], None
