"""
Caching, and a search that resumes
==================================

Long searches should fit nothing twice. A cache fits the autoencoder once for each fold, and a
checkpoint keeps the points that are done.
"""

# %%
# A pipeline with a cache
# -----------------------
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import load_digits_images
from cae_sklearn.plotting import SearchResultsDisplay
from cae_sklearn.search import ResumableBayesSearchCV, search_spaces

digits = load_digits_images()
X, y = digits.data[:400], digits.target[:400]
place = tempfile.TemporaryDirectory()
pipeline = Pipeline(
    [
        ("cae", CAEFeaturizer(filters=60, n_components=100, random_state=0)),
        ("clf", ElasticNetBNMLPClassifier(epochs=10, random_state=0)),
    ],
    memory=FitOnceMemory(Path(place.name) / "cache", verbose=0),
)

# %%
# The first fit learns the autoencoder, the second one reads it from the disk. (The very first fit
# of a process also starts TensorFlow.)
for what in "first fit", "the same again", "another classifier":
    if what == "another classifier":
        pipeline.set_params(clf__alpha=0.01)
    start = time.perf_counter()
    pipeline.fit(X, y)
    print(f"{what:20} {time.perf_counter() - start:5.1f} s")


# %%
# A search that is interrupted
# ----------------------------
#
# The callback ends the search after four points, as a crash or a closed lid would.
def search(n_iter):
    """Return the search, not yet fitted."""
    return ResumableBayesSearchCV(
        pipeline,
        search_spaces(),
        n_iter=n_iter,
        cv=3,
        random_state=0,
        refit=False,
        checkpoint=Path(place.name) / "search.json",
        verbose=1,
    )


first = search(8).fit(X, y, callback=lambda result: len(result.x_iters) == 4)
print(len(first.cv_results_["params"]), "points")

# %%
# It goes on
# ----------
#
# The same program again: four points are read from the checkpoint, four are new.
again = search(8).fit(X, y)
print(len(again.cv_results_["params"]), "points")

# %%
# The result is that of a search without an interruption. A larger ``n_iter`` adds points to it.
more = search(10).fit(X, y)
print(f"{more.best_score_:.3f} with {dict(more.best_params_)}")
place.cleanup()
SearchResultsDisplay.from_search(more, score_name="cross-validated accuracy")
plt.show()
