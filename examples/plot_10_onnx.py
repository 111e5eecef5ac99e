"""
Export to ONNX, and predict without TensorFlow
==============================================

A fitted pipeline becomes one file. An ONNX runtime predicts with it: in a service, on a telephone,
in another language. Neither TensorFlow nor scikit-learn nor this package is needed there.
"""

# %%
# A fitted pipeline
# -----------------
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.pipeline import make_pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier, export_onnx
from cae_sklearn.datasets import load_digits_images

digits = load_digits_images()
X, y = digits.data[:500], digits.target[:500]
X_test, y_test = digits.data[500:1000], digits.target[500:1000]
pipeline = make_pipeline(
    CAEFeaturizer(filters=60, n_components=100, random_state=0),
    ElasticNetBNMLPClassifier(epochs=20, random_state=0),
).fit(X, y)

# %%
# One line writes the file
# ------------------------
place = tempfile.TemporaryDirectory()
path = Path(place.name) / "digits.onnx"
export_onnx(pipeline, path)
print(f"{path.stat().st_size / 1e6:.2f} MB")

# %%
# The runtime predicts
# --------------------
#
# The input has the layout that ``fit`` saw, as float32. The outputs are labels and probabilities.
session = onnxruntime.InferenceSession(path)
labels, probabilities = session.run(None, {"X": X_test.astype(np.float32)})
difference = np.abs(probabilities - pipeline.predict_proba(X_test)).max()
print(f"largest difference: {difference:.1e}")
print(f"equal labels: {np.mean(labels == pipeline.predict(X_test)):.0%}")

# %%
# How long one image takes
# ------------------------
#
# The pipeline checks its input, and its bits are the same for one image as for many. The runtime
# does neither.
one = X_test[:1].astype(np.float32)
calls = {
    "pipeline": lambda: pipeline.predict_proba(X_test[:1]),
    "ONNX runtime": lambda: session.run(None, {"X": one}),
}
milliseconds = {name: [] for name in calls}
for name, predict in calls.items():
    for _ in range(100):
        start = time.perf_counter()
        predict()
        milliseconds[name].append(1e3 * (time.perf_counter() - start))

fig, ax = plt.subplots(figsize=(6, 2.5), layout="constrained")
ax.boxplot(
    [times[1:] for times in milliseconds.values()], orientation="horizontal", showfliers=False
)
ax.set(xscale="log", xlabel="milliseconds for one image", yticks=[1, 2], yticklabels=calls)

# %%
# A process without TensorFlow
# ----------------------------
#
# This program imports NumPy and the runtime, and nothing else.
program = f"""
import sys, time
start = time.perf_counter()
import numpy, onnxruntime
session = onnxruntime.InferenceSession({str(path)!r})
session.run(None, {{"X": numpy.zeros({one.shape}, numpy.float32)}})
print(f"The first prediction comes after {{time.perf_counter() - start:.1f}} s.")
print("TensorFlow was imported:", "tensorflow" in sys.modules)
"""
done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
print(done.stdout)
place.cleanup()
plt.show()
