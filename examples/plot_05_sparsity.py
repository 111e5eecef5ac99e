"""
Sparsity along alpha and l1_ratio
=================================

The penalty of the output layer makes weights exactly zero. How many depends on its strength,
``alpha``, and on the share of the absolute values in it, ``l1_ratio``.
"""

# %%
# The path
# --------
#
# The classifier learns the same features with each setting.
import matplotlib.pyplot as plt
import numpy as np

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.datasets import load_digits_images
from cae_sklearn.plotting import SparsityDisplay

digits = load_digits_images()
cae = CAEFeaturizer(filters=60, n_components=100, random_state=0).fit(digits.data[:500])
X, y = cae.transform(digits.data[:500]), digits.target[:500]
X_test, y_test = cae.transform(digits.data[500:1000]), digits.target[500:1000]
alphas, ratios = np.logspace(-4, 0, 7), [0.0, 0.5, 1.0]
classifiers = {}
for ratio in ratios:
    for alpha in alphas:
        clf = ElasticNetBNMLPClassifier(alpha=alpha, l1_ratio=ratio, epochs=12, random_state=0)
        classifiers[ratio, alpha] = clf.fit(X, y)

# %%
# Zeros and accuracy
# ------------------
#
# With ``l1_ratio=0`` weights become small, and none becomes zero. With more, the share of zeros
# grows with ``alpha``. A large part of the weights can go before the accuracy falls. Near 1 nothing
# is left.
figure, (above, below) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="tight")
for ratio, style in zip(ratios, ["o-", "s--", "^:"], strict=True):
    path = [classifiers[ratio, alpha] for alpha in alphas]
    above.plot(alphas, [clf.sparsity_ for clf in path], style, label=f"l1_ratio={ratio:g}")
    below.plot(alphas, [clf.score(X_test, y_test) for clf in path], style)
above.set(xscale="log", ylabel="share of zero weights")
below.set(xlabel="alpha", ylabel="accuracy on other images")
above.legend()

# %%
# The weights themselves
# ----------------------
#
# Each row belongs to a class, each column to a hidden unit. White is zero.
for alpha in alphas[[0, 3, 5]]:
    SparsityDisplay.from_estimator(classifiers[1.0, alpha])

# %%
# Units that nothing depends on
# -----------------------------
#
# A unit whose weights are all zero could be left out of the network.
for alpha in alphas:
    clf = classifiers[1.0, alpha]
    print(f"alpha {alpha:6.4f}: {len(clf.inactive_units_):2} of 64 units are inactive")

# %%
# Features that no class needs
# ----------------------------
#
# Without hidden layers the weights belong to the features. Here these are pixels: white ones have a
# weight for some class.
pixels = digits.data[:500].reshape(500, -1) / 16
linear = ElasticNetBNMLPClassifier((), alpha=0.02, l1_ratio=1, epochs=30, random_state=0)
linear.fit(pixels, y)
needed = np.ones(64)
needed[linear.inactive_units_] = 0
figure, ax = plt.subplots(figsize=(3, 3), layout="tight")
ax.imshow(needed.reshape(8, 8), cmap="gray", vmin=0, vmax=1)
ax.set(xticks=[], yticks=[])
plt.show()
