"""Marks that many tests give."""

import pytest


def slowly(values):
    """Return parameters of tests that are run by ``make test-slow`` only."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
