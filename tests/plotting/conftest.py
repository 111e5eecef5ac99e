"""What the tests of displays share."""

import matplotlib
import pytest
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """Close all figures; fail where a display shows one."""
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("plt.show was called"))
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def fitted(digits):
    """Return a small pipeline that was fitted on 100 digits, and these digits."""
    X, y = digits[0][:100], digits[1][:100]
    cae = CAEFeaturizer(4, kernel_size=3, epochs=1, random_state=0)
    clf = ElasticNetBNMLPClassifier(
        (8,),
        epochs=20,
        alpha=0.1,
        l1_ratio=1,
        learning_rate=0.01,
        early_stopping=True,
        validation_fraction=0.3,
        random_state=0,
    )
    return Pipeline([("cae", cae), ("clf", clf)]).fit(X, y), X, y
