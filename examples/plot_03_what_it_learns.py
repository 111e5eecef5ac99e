"""
What the autoencoder learns
===========================

Filters, reconstructions, and a map of the features: three looks at what ``CAEFeaturizer`` has
learned of images, without labels.
"""

# %%
# Pieces of photographs
# ---------------------
#
# scikit-learn comes with two photographs, a temple and a flower. 600 pieces of 32 x 32 pixels are
# the images here.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

from cae_sklearn import CAEFeaturizer
from cae_sklearn.datasets import load_digits_images
from cae_sklearn.plotting import (
    FeatureMapDisplay,
    FilterDisplay,
    ReconstructionDisplay,
    TrainingCurveDisplay,
)

photos = np.stack(load_sample_images().images)
pieces = PatchExtractor(patch_size=(32, 32), max_patches=300, random_state=0)
pieces = pieces.transform(photos).astype(np.uint8)

# %%
# Two autoencoders
# ----------------
#
# The first one is the default: a wide layer on whitened patches. The second one is deep: two
# convolutions with pooling, and a mirrored decoder.
wide = CAEFeaturizer(filters=80, n_components=200, random_state=0).fit(pieces)
deep = CAEFeaturizer(
    (32, 16), kernel_size=3, whiten=False, n_components=200, epochs=5, random_state=0
).fit(pieces)

# %%
# Filters
# -------
#
# Each small picture is what one filter of the wide layer looks for: edges of all directions, and
# contrasts of colours.
FilterDisplay.from_estimator(wide)

# %%
# The filters of the deep autoencoder have 3 x 3 pixels. What they look for only shows in the layers
# after them.
FilterDisplay.from_estimator(deep)

# %%
# Reconstructions
# ---------------
#
# The decoder restores images from their features: of the wide autoencoder, then of the deep one.
shown = pieces[::75]
ReconstructionDisplay.from_estimator(wide, shown)
ReconstructionDisplay.from_estimator(deep, shown)

# %%
# The losses of both are in squared units of what they restore, patches and pixels. So they cannot
# be compared.
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="tight")
TrainingCurveDisplay.from_estimator(wide, name="wide", ax=axes[0])
TrainingCurveDisplay.from_estimator(deep, name="deep", ax=axes[1])

# %%
# A map of the features
# ---------------------
#
# Handwritten digits have classes. Each point is an image, and near points have similar features.
# The colours are the labels, which the autoencoder has not seen.
digits = load_digits_images()
X, y = digits.data[:800], digits.target[:800]
cae = CAEFeaturizer(filters=60, n_components=100, random_state=0).fit(X)
FeatureMapDisplay.from_estimator(cae, X, y, target_names=digits.target_names)

# %%
# A plane of two principal components, which is a linear map, keeps them less well apart:
FeatureMapDisplay.from_estimator(cae, X, y, projection=PCA(2))

# %%
# Do the features help?
# ---------------------
#
# A support vector machine on the 100 features, and on the 64 pixels:
for name, features in {"features": cae.transform(X), "pixels": X.reshape(len(X), -1)}.items():
    print(f"{name:9} {cross_val_score(SVC(), features, y, cv=5).mean():.3f}")
plt.show()
