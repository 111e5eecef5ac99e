"""
Your own folder of pictures
===========================

From a folder with one sub-folder a class to a confusion matrix and a model in a file. The example
draws its pictures first. With pictures of your own, begin at the second step.
"""

# %%
# The folder
# ----------
#
# Circles, squares and triangles of any size, colour and place, on noisy grounds, in pictures of
# several sizes.
import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import load_image_folder
from cae_sklearn.plotting import PredictionsDisplay

place = tempfile.TemporaryDirectory()
folder = Path(place.name) / "photos"
rng = np.random.default_rng(0)
for name, n_corners in {"circles": 60, "squares": 4, "triangles": 3}.items():
    (folder / name).mkdir(parents=True)
    for i in range(50):
        width, height = rng.integers(48, 80, 2)
        image = Image.new("RGB", (width, height), tuple(rng.integers(190, 256, 3).tolist()))
        radius = rng.uniform(12, 20)
        centre = rng.uniform(radius, (width - radius, height - radius))
        turn = np.pi / 4 if n_corners == 4 else -np.pi / 2
        angles = turn + rng.uniform(-0.2, 0.2) + 2 * np.pi * np.arange(n_corners) / n_corners
        corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        ink = tuple(rng.integers(0, 90, 3).tolist())
        ImageDraw.Draw(image).polygon(list(map(tuple, corners)), fill=ink)
        noise = rng.normal(0, 12, (height, width, 3))
        pixels = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name / f"{i}.png")

# %%
# Read it
# -------
#
# All pictures are scaled to one size. A part of each class is kept for the end.
photos = load_image_folder(folder, image_size=(48, 48))
X, X_test, y, y_test = train_test_split(
    photos.data, photos.target, test_size=45, stratify=photos.target, random_state=0
)
print(X.shape, X.dtype, photos.target_names)

# %%
# Tune a pipeline
# ---------------
#
# Does it matter where a shape stands? A grid of one cell averages over the whole picture, one of
# 3 x 3 keeps places apart. The search tries both.
pipeline = Pipeline(
    [
        ("cae", CAEFeaturizer(filters=80, random_state=0)),
        ("clf", ElasticNetBNMLPClassifier(epochs=30, random_state=0)),
    ],
    memory=FitOnceMemory(Path(place.name) / "cache", verbose=0),
)
grid = {"cae__output_size": [1, 3], "clf__alpha": [1e-4, 1e-2]}
search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
print(f"{search.best_score_:.3f} with {search.best_params_}")

# %%
# Judge it
# --------
#
# The pictures that were kept take part for the first time.
print(f"accuracy {search.score(X_test, y_test):.3f}")
ConfusionMatrixDisplay.from_estimator(
    search, X_test, y_test, display_labels=photos.target_names, cmap="Blues", colorbar=False
)

# %%
# Some of them, wrong predictions framed in red:
PredictionsDisplay.from_estimator(search, X_test, y_test, target_names=photos.target_names)

# %%
# Keep it
# -------
#
# The file holds plain arrays. Load it only where you trust who made it, as all pickles.
path = Path(place.name) / "photos.joblib"
joblib.dump(search.best_estimator_, path)
again = joblib.load(path)
print(f"{path.stat().st_size / 1e6:.1f} MB", again.predict(X_test[:5]))
place.cleanup()
plt.show()
