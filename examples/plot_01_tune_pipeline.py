"""
Tune a pipeline on handwritten digits
=====================================

A convolutional autoencoder learns features of images without their labels. A perceptron with an
elastic-net penalty learns to classify these features. Both are steps of one scikit-learn
``Pipeline``, so the searches of scikit-learn and scikit-optimize tune it.

For images of your own there is a command: ``python -m cae_sklearn tune --data FOLDER``.
"""

# %%
# The images
# ----------
#
# A quarter of each class is held out. These images take no part in choosing. They judge the chosen
# pipeline once, at the end.
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import load_digits_images
from cae_sklearn.plotting import (
    PredictionsDisplay,
    ReconstructionDisplay,
    SearchResultsDisplay,
    SparsityDisplay,
    TrainingCurveDisplay,
)
from cae_sklearn.search import ResumableBayesSearchCV, search_spaces

digits = load_digits_images()
X, X_test, y, y_test = train_test_split(
    digits.data,
    digits.target,
    train_size=360,
    test_size=200,
    stratify=digits.target,
    random_state=0,
)
print(X.shape, X.dtype)

# %%
# The pipeline
# ------------
#
# The searches change the classifier only. With ``memory`` the autoencoder is fitted once for each
# fold, and every further candidate reads it from the disk.
cache = tempfile.TemporaryDirectory()
pipeline = Pipeline(
    [
        ("cae", CAEFeaturizer(filters=60, n_components=100, random_state=0)),
        ("clf", ElasticNetBNMLPClassifier(epochs=15, random_state=0)),
    ],
    memory=FitOnceMemory(cache.name, verbose=0),
)

# %%
# A grid over batch size and learning rate
# ----------------------------------------
#
# ``n_jobs=2`` would share the fits between two processes, with the same result.
grid = GridSearchCV(
    pipeline,
    {"clf__batch_size": [32, 64], "clf__learning_rate": [0.001, 0.01]},
    cv=3,
    refit=False,
).fit(X, y)
print(f"{grid.best_score_:.4f} with {grid.best_params_}")
SearchResultsDisplay.from_search(grid, score_name="cross-validated accuracy")

# %%
# A Bayesian search
# -----------------
#
# It also varies the penalty: ``alpha``, its strength, and ``l1_ratio``, the share of the absolute
# values in it. Five points are a taste, twenty or more are usual.
bayes = ResumableBayesSearchCV(
    pipeline, search_spaces(), n_iter=5, cv=3, refit=False, random_state=0
).fit(X, y)
print(f"{bayes.best_score_:.4f} with {dict(bayes.best_params_)}")
SearchResultsDisplay.from_search(bayes, score_name="cross-validated accuracy")

# %%
# The held-out images
# -------------------
#
# The better setting of the two is fitted to all training images.
best = max(grid, bayes, key=lambda search: search.best_score_)
pipeline.set_params(**best.best_params_).fit(X, y)
predicted = pipeline.predict(X_test)
cache.cleanup()
print(f"held-out accuracy {np.mean(predicted == y_test):.4f}")
ConfusionMatrixDisplay.from_predictions(y_test, predicted, cmap="Blues", colorbar=False)

# %%
# The digits, those first that are classified wrongly:
order = np.argsort(predicted == y_test, kind="stable")[:16]
PredictionsDisplay.from_predictions(X_test[order], y_test[order], predicted[order])

# %%
# What both networks learned
# --------------------------
#
# The autoencoder restores images from their features. The curves show the loss of both steps, and
# the last picture the weights of the output layer, on which the penalty acts.
ReconstructionDisplay.from_estimator(pipeline["cae"], X_test)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="tight")
TrainingCurveDisplay.from_estimator(pipeline["cae"], ax=axes[0])
TrainingCurveDisplay.from_estimator(pipeline["clf"], ax=axes[1])
SparsityDisplay.from_estimator(pipeline["clf"])
plt.show()
