"""
Radar images of vehicles
========================

MSTAR holds small images (chips) of military vehicles from a synthetic aperture radar. One part,
TRAIN, was seen at a depression angle of 17 degrees, and another, TEST, at 15. The chips of TRAIN
tune and train a pipeline, and those of TEST judge it, once.

This example makes a small set of the same kind, with speckle, shadows and bright scatterers at
every azimuth. Chips of your own are read by ``load_mstar``, or in one step by
``python -m cae_sklearn tune --data FOLDER`` from ``FOLDER/TRAIN/CLASS/`` and
``FOLDER/TEST/CLASS/``.
"""

# %%
# The chips
# ---------
#
# A pixel has a fixed size on the ground. So chips are cut to one size about their centre, where the
# vehicle stands, and never scaled.
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import make_sar_chips
from cae_sklearn.plotting import PredictionsDisplay, ReconstructionDisplay, SearchResultsDisplay
from cae_sklearn.search import ResumableBayesSearchCV, search_spaces

train = make_sar_chips(300, n_classes=5, image_size=(48, 48), depression=17, random_state=0)
test = make_sar_chips(150, n_classes=5, image_size=(48, 48), depression=15, random_state=1)
print(train.data.shape, train.data.dtype, train.target_names)

# %%
# The search
# ----------
#
# Bayesian, over batch size, learning rate and penalty, by accuracy over three stratified folds of
# TRAIN. The autoencoder is fitted once for each fold. Chips have more pixels and less variety than
# photographs. So there are fewer and larger filters than by default, and they are averaged over a
# finer grid: what tells vehicles apart is where their scatterers stand.
cache = tempfile.TemporaryDirectory()
pipeline = Pipeline(
    [
        ("cae", CAEFeaturizer(40, kernel_size=8, output_size=8, epochs=2, random_state=0)),
        ("clf", ElasticNetBNMLPClassifier(epochs=20, random_state=0)),
    ],
    memory=FitOnceMemory(cache.name, verbose=0),
)
search = ResumableBayesSearchCV(
    pipeline, search_spaces(), n_iter=5, cv=3, random_state=0, verbose=1
).fit(train.data, train.target)
cache.cleanup()
SearchResultsDisplay.from_search(search, score_name="cross-validated accuracy")

# %%
# The chips of TEST
# -----------------
predicted = search.predict(test.data)
print(classification_report(test.target, predicted, target_names=test.target_names))
ConfusionMatrixDisplay.from_predictions(
    test.target,
    predicted,
    display_labels=test.target_names,
    cmap="Blues",
    xticks_rotation="vertical",
    colorbar=False,
)


# %%
# Pictures
# --------
#
# The root of the magnitude shows both the ground and the scatterers.
def brightness(magnitude):
    return np.sqrt(np.maximum(magnitude, 0))


cae = search.best_estimator_["cae"]
restored = cae.inverse_transform(cae.transform(test.data[:8]))
ReconstructionDisplay.from_arrays(brightness(test.data[:8]), brightness(restored))
PredictionsDisplay.from_predictions(
    brightness(test.data[:16]), test.target[:16], predicted[:16], target_names=test.target_names
)
# sphinx_gallery_thumbnail_number = 4
plt.show()
