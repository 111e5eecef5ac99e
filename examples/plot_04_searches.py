"""
A grid and a Bayesian search in pictures
========================================

A search leaves a table of settings and scores. ``SearchResultsDisplay`` draws it: a grid as a map
of two parameters, a Bayesian search as points along each parameter.
"""

# %%
# Features first
# --------------
#
# Only the classifier is searched here. So the features are made once, before. (This is fair as long
# as the test images took no part in it.)
import matplotlib.pyplot as plt
from sklearn.model_selection import GridSearchCV

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.datasets import load_digits_images
from cae_sklearn.plotting import SearchResultsDisplay
from cae_sklearn.search import ResumableBayesSearchCV, search_spaces

digits = load_digits_images()
X, y = digits.data[:500], digits.target[:500]
features = CAEFeaturizer(filters=60, n_components=100, random_state=0).fit_transform(X)
classifier = ElasticNetBNMLPClassifier((100, 32), epochs=10, random_state=0)

# %%
# A grid
# ------
#
# In ten epochs a small learning rate does not get far, least of all with large batches, which make
# few steps.
grid = GridSearchCV(
    classifier,
    {"batch_size": [16, 32, 64, 128], "learning_rate": [0.0003, 0.001, 0.003, 0.01]},
    cv=3,
    refit=False,
).fit(features, y)
print(f"{grid.best_score_:.3f} with {grid.best_params_}")
SearchResultsDisplay.from_search(grid, score_name="cross-validated accuracy")

# %%
# A Bayesian search
# -----------------
#
# It has four parameters. After ten points at random, a model of the scores proposes where to look.
# The stars are the best point.
bayes = ResumableBayesSearchCV(
    classifier, search_spaces(""), n_iter=16, cv=3, refit=False, random_state=0
).fit(features, y)
print(f"{bayes.best_score_:.3f} with {dict(bayes.best_params_)}")
SearchResultsDisplay.from_search(bayes, score_name="cross-validated accuracy")

# %%
# How the best score grew from point to point:
best = -1.0
for place, score in enumerate(bayes.cv_results_["mean_test_score"], start=1):
    if score > best:
        best = score
        print(f"point {place:2}: {score:.3f}")
plt.show()
