"""
Few labels, many images
=======================

Labels are dear, images are cheap. An autoencoder needs no labels, so it learns from all images. The
classifier then learns from the few that have labels.
"""

# %%
# The images
# ----------
#
# 1,297 digits have no labels, a few have some, and 500 others judge.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.datasets import load_digits_images

digits = load_digits_images()
X, X_test, y, y_test = train_test_split(
    digits.data, digits.target, test_size=500, stratify=digits.target, random_state=0
)


# %%
# The features of all images
# --------------------------
#
# ``FrozenEstimator`` keeps the featurizer as it is when the pipeline is fitted.
def featurizer():
    return CAEFeaturizer(filters=60, n_components=100, random_state=0)


pool = FrozenEstimator(featurizer().fit(X))


# %%
# Three ways
# ----------
#
# The same classifier on features of all images, on features of the images with labels alone, and a
# support vector machine on pixels. Each number of labels is drawn twice.
def classifier():
    return ElasticNetBNMLPClassifier(epochs=30, random_state=0)


ways = {
    "features of all images": lambda: make_pipeline(pool, classifier()),
    "features of the labelled": lambda: make_pipeline(featurizer(), classifier()),
    "pixels": lambda: make_pipeline(StandardScaler(), SVC()),
}
flat = {"pixels": True}
numbers, accuracies = [30, 60, 120], {name: [] for name in ways}
for n_labels in numbers:
    for name, make in ways.items():
        scores = []
        for seed in range(2):
            some, _, labels, _ = train_test_split(
                X, y, train_size=n_labels, stratify=y, random_state=seed
            )
            shape = (-1, 64) if name in flat else (-1, 8, 8, 1)
            model = make().fit(some.reshape(shape), labels)
            scores.append(model.score(X_test.reshape(shape), y_test))
        accuracies[name].append(np.mean(scores))

# %%
# What the labels are worth
# -------------------------
for name, means in accuracies.items():
    print(f"{name:25}", *(f"{mean:.3f}" for mean in means))
figure, ax = plt.subplots(figsize=(6.5, 4), layout="tight")
for (name, means), style in zip(accuracies.items(), ["o-", "s--", "^:"], strict=True):
    ax.plot(numbers, means, style, label=name)
ax.set(xlabel="labels", ylabel="accuracy on 500 other images", xscale="log")
ax.set_xticks(numbers, numbers, minor=False)
ax.minorticks_off()
ax.legend()
plt.show()
