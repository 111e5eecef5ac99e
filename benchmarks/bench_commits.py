"""The package in this folder beside an older commit of it, in one run.

``--against`` names the commit. Each of the two runs in processes of its own, and they take
turns, so that a busy spell of the machine meets both. Two processes of one commit differ by some
percent, so each commit has ``--starts`` processes. ``ratio`` is the median over the rounds of the
older commit's time divided by ours, and ``best`` the ratio of the least times, which other
programs disturb less.
"""

from _compare import alternate, arguments, show

args = arguments(__doc__, rounds=9, starts=3, against="96c1985", only=None)

import json
import os
import subprocess
import sys
import tempfile
from itertools import chain
from math import ceil
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent

# What each process runs: it reads a task's name on each line and prints its seconds.
WORKER = """
import json, sys, time
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier as Classifier

rng = np.random.default_rng(0)
X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
wide = rng.normal(size=(25_600, 256)).astype(np.float32)
labels = rng.integers(0, 10, 25_600)
coarse = rng.integers(0, 256, (5_000, 8, 8, 3)).astype(np.float32)
images = (coarse.repeat(4, 1).repeat(4, 2) + rng.normal(0, 20, (5_000, 32, 32, 3))).clip(0, 255)
images = images.astype(np.uint8)
small = rng.integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
deep = dict(kernel_size=3, whiten=False, output_size=None, random_state=0)
quiet = dict(early_stopping=False, random_state=0)
if "shift" in CAEFeaturizer._parameter_constraints:
    deep.update(shift=0.0, n_components=None)  # what a deep network had no stage for
encoder = CAEFeaturizer((64, 32, 16), noise=0.0, epochs=0, **deep)
whitened = CAEFeaturizer(random_state=0, epochs=0)

def step(size, steps):
    return lambda: Classifier(batch_size=size, epochs=10, **quiet).fit(
        wide[:size * steps], labels[:size * steps])

def grid():
    space = {"batch_size": [8, 16, 32, 64], "learning_rate": [0.001, 0.01]}
    GridSearchCV(Classifier(epochs=20, **quiet), space, cv=5, refit=False).fit(X, y)

def train():
    CAEFeaturizer((64, 32, 16), noise=0.0, epochs=1, batch_size=64, **deep).fit(images)

TASKS = {
    "step, batch size 8": step(8, 400),
    "step, batch size 64": step(64, 200),
    "step, batch size 256": step(256, 100),
    "refit, classifier": lambda: Classifier(epochs=1, **quiet).fit(wide[:64], labels[:64]),
    "refit, featurizer": lambda: CAEFeaturizer((16, 8), epochs=1, **deep).fit(small),
    "CAE, deep, 5,000 images": train,
    "CAE, default, 2,000 images": lambda: CAEFeaturizer(random_state=0).fit(images[:2000]),
    "transform, deep": lambda: encoder.transform(images),
    "transform, default": lambda: whitened.transform(images[:2000]),
    "predict_proba": lambda: classifier.predict_proba(wide),
    "grid": grid,
}
encoder.fit(images[:100])
whitened.fit(images[:1000])
classifier = Classifier(epochs=1, **quiet).fit(wide[:640], labels[:640])
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    TASKS[json.loads(line)]()
    print(json.dumps(time.perf_counter() - start), flush=True)
"""
QUICK = ("refit, classifier", "refit, featurizer")
TASKS = [line.split('"')[1] for line in WORKER.splitlines() if line.startswith('    "')]


class Side:
    """A process that runs tasks with the package of one folder."""

    def __init__(self, folder):
        environment = {**os.environ, "PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
        )
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("A process has ended; its error stands above.")
        return line

    def seconds(self, task):
        print(json.dumps(task), file=self.process.stdin, flush=True)
        return json.loads(self._answer())


def measure(task, sides):
    """Return the seconds of the older commit and ours, a pair a round."""
    repeats = 20 if task.startswith("refit") else 1
    rounds = 1 if task == "grid" else ceil(args.rounds / len(sides))
    pairs = []
    for pair in sides:
        contestants = {
            name: lambda side=side: median(side.seconds(task) for _ in range(repeats))
            for name, side in zip(("older", "ours"), pair, strict=True)
        }
        measured = alternate(contestants, rounds)
        pairs += zip(measured["older"][1], measured["ours"][1], strict=True)
    return pairs


chosen = [t for t in (QUICK if args.quick else TASKS) if not args.only or args.only in t]
rows = []
with tempfile.TemporaryDirectory() as folder:
    archive = subprocess.run(
        ["git", "archive", args.against, "cae_sklearn"], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    n_starts = 1 if args.quick else args.starts
    sides = [(Side(folder), Side(ROOT)) for _ in range(n_starts)]
    for task in chosen:
        theirs, ours = zip(*measure(task, sides), strict=True)
        ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
        rows.append(
            {
                "who": task,
                "seconds": median(ours),
                "ratio": median(ratios),
                "best": min(theirs) / min(ours),
                "lowest": min(ratios),
                "highest": max(ratios),
            }
        )
        print(".", end="", file=sys.stderr, flush=True)
    for side in chain(*sides):
        side.process.stdin.close()
show(f"Beside {args.against}, {args.rounds} rounds", rows, args.format)
