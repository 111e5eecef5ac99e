"""
Anomalies by reconstruction
===========================

An autoencoder restores what is like its training images. What it restores badly is unlike them. So
the error of reconstruction finds strange images, without an example of what is strange.
"""

# %%
# Normal and strange images
# -------------------------
#
# Ones are normal here. The autoencoder never sees another digit.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import RocCurveDisplay

from cae_sklearn import CAEFeaturizer
from cae_sklearn.datasets import load_digits_images
from cae_sklearn.plotting import PredictionsDisplay, ReconstructionDisplay

digits = load_digits_images()
ones = digits.data[digits.target == 1]
others = digits.data[digits.target != 1][:300]
cae = CAEFeaturizer(filters=40, n_components=20, random_state=0).fit(ones[:120])


# %%
# The error of each image
# -----------------------
#
# Few features leave no room for what is not common to the normal images. So ``n_components`` is
# small.
def errors_of(images):
    """Return the mean squared error of each image."""
    restored = cae.inverse_transform(cae.transform(images))
    return np.mean((images - restored) ** 2, axis=(1, 2, 3))


ReconstructionDisplay.from_estimator(cae, np.concatenate([ones[120:124], others[:4]]))

# %%
# The first four are ones that it has not seen, the others are restored as if they were ones.
normal, strange = errors_of(ones[120:]), errors_of(others)
figure, ax = plt.subplots(figsize=(6.5, 3.5), layout="tight")
bins = np.linspace(0, max(normal.max(), strange.max()), 30)
ax.hist(normal, bins, label="ones", alpha=0.8, density=True)
ax.hist(strange, bins, label="other digits", histtype="step", lw=2, density=True)
ax.set(xlabel="error of reconstruction", ylabel="density")
ax.legend()

# %%
# A threshold
# -----------
#
# The 95th percentile of the errors of normal images lets one in twenty of these pass for strange.
threshold = np.quantile(normal, 0.95)
print(f"found: {np.mean(strange > threshold):.0%} of the other digits")
RocCurveDisplay.from_predictions(
    np.repeat([0, 1], [len(normal), len(strange)]), np.concatenate([normal, strange])
)

# %%
# The strange images that pass most easily for ones:
order = np.argsort(strange)[:16]
labels = digits.target[digits.target != 1][:300][order]
PredictionsDisplay.from_predictions(others[order], labels, np.ones(16, int))
plt.show()
