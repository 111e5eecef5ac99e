"""
What the autoencoder learns
===========================

Filters, reconstructions, and a map of the features: three looks at what ``CAEFeaturizer`` has
learned of handwritten digits, without their labels.
"""

# %%
# Two autoencoders
# ----------------
#
# The first one is the default: a wide layer on whitened patches. The second one is deep: two
# convolutions with pooling, and a mirrored decoder.
import matplotlib.pyplot as plt
from sklearn.decomposition import PCA
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

digits = load_digits_images()
X, y = digits.data[:800], digits.target[:800]
wide = CAEFeaturizer(filters=80, n_components=100, random_state=0).fit(X)
deep = CAEFeaturizer(
    (32, 16), kernel_size=3, whiten=False, n_components=100, epochs=10, random_state=0
).fit(X)

# %%
# Filters
# -------
#
# Each small picture is what one filter of the wide layer looks for. Most are edges, each of another
# direction and place.
FilterDisplay.from_estimator(wide)

# %%
# The filters of the deep autoencoder are 3 x 3 pixels. What they look for shows in the layers after
# them.
FilterDisplay.from_estimator(deep)

# %%
# Reconstructions
# ---------------
#
# The decoder restores images from their features: of the wide autoencoder, then of the deep one.
ReconstructionDisplay.from_estimator(wide, X)
ReconstructionDisplay.from_estimator(deep, X)

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
# Each point is an image. Near points have similar features. The colours are the labels, which no
# autoencoder has seen.
FeatureMapDisplay.from_estimator(wide, X, y, target_names=digits.target_names)

# %%
# A plane of two principal components, which is a linear map, keeps them less well apart:
FeatureMapDisplay.from_estimator(wide, X, y, projection=PCA(2))

# %%
# Which features classify better?
# -------------------------------
#
# A support vector machine on 100 features of each, and on the 64 pixels:
rows = {"wide": wide.transform(X), "deep": deep.transform(X), "pixels": X.reshape(len(X), -1)}
for name, features in rows.items():
    scores = cross_val_score(SVC(), features, y, cv=5)
    print(f"{name:7} {scores.mean():.3f}")
plt.show()
