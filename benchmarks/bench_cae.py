"""Images per second of the notebook's autoencoder: the featurizer, Keras and PyTorch.

Training is timed from the first image to the fitted model, and encoding from images to
features. ``--data`` names an .npz file whose array ``X`` (or ``x_train``, else the first
one) holds images (n, 32, 32, 3) as uint8; without it the images are random and smooth.
The peers get standardised float32 images; the featurizer standardises by itself.
``error`` is the mean squared error of standardised pixels.
"""

from _compare import alternate, arguments, comparison, set_torch_threads, show

args = arguments(__doc__, rounds=3, data=None, images=10_000, batch_size=64, epochs=1)

import numpy as np
import torch
from _peers import Restart, keras_autoencoder, torch_autoencoder, torch_train

from cae_sklearn import CAEFeaturizer

set_torch_threads(args)
FILTERS = (64, 32, 16)
N_IMAGES = 500 if args.quick else args.images


def load_images():
    if args.data:
        with np.load(args.data) as arrays:
            name = next((n for n in ("X", "x_train") if n in arrays), arrays.files[0])
            return np.ascontiguousarray(arrays[name][:N_IMAGES])
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (N_IMAGES, 8, 8, 3)).astype(np.float32)
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2) + rng.normal(0, 20, (N_IMAGES, 32, 32, 3))
    return fine.clip(0, 255).astype(np.uint8)


images = load_images()
mean, scale = images.mean((0, 1, 2)), images.std((0, 1, 2))
standard = ((images - mean) / scale).astype(np.float32)
tensor = (
    torch.from_numpy(standard).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
)
keras_model, keras_encoder = keras_autoencoder(images.shape[1:], FILTERS)
restart = Restart(keras_model)
n_checked = min(1000, len(images))


def ours():
    return CAEFeaturizer(
        FILTERS,
        kernel_size=3,
        whiten=False,
        noise=0.0,
        output_size=None,
        epochs=args.epochs,
        batch_size=args.batch_size,
        random_state=0,
    ).fit(images)


def with_keras():
    restart()
    keras_model.fit(standard, standard, batch_size=args.batch_size, epochs=args.epochs, verbose=0)
    return keras_model


def with_torch():
    module = torch_autoencoder(images.shape[-1], FILTERS)
    optimizer = torch.optim.Adam(module.parameters(), eps=1e-7, fused=True)
    torch_train(module, optimizer, torch.nn.MSELoss(), tensor, tensor, args.epochs, args.batch_size)
    return module


def error(name, model):
    if name == "ours":
        restored = model.inverse_transform(model.transform(images[:n_checked]))
        restored = (restored - mean) / scale
    elif name == "Keras fit":
        restored = model.predict(standard[:n_checked], verbose=0)
    else:
        with torch.no_grad():
            restored = model.eval()(tensor[:n_checked]).permute(0, 2, 3, 1).numpy()
    return float(np.mean((restored - standard[:n_checked]) ** 2))


measured = alternate({"ours": ours, "Keras fit": with_keras, "PyTorch": with_torch}, args.rounds)
featurizer = measured["ours"][1][-1]
module = measured["PyTorch"][1][-1].eval()
for name, (_, models) in measured.items():
    models[:] = [error(name, model) for model in models]
seen = len(images) * args.epochs
rows = comparison(
    measured,
    ("images/s", lambda seconds: seen / seconds),
    "error",
    {"Keras fit": 1.0, "PyTorch": 1.0},
)
title = f"Training, {len(images)} images, {args.epochs} epochs, batch size {args.batch_size}"
show(title, rows, args.format)


def torch_encode():
    with torch.no_grad():
        parts = [module[:9](batch).flatten(1) for batch in tensor.split(256)]
    return torch.cat(parts).shape[1]


measured = alternate(
    {
        "ours transform": lambda: featurizer.transform(images).shape[1],
        "Keras predict": lambda: keras_encoder.predict(standard, verbose=0).shape[1],
        "Keras predict, batches of 256": lambda: keras_encoder.predict(
            standard, batch_size=256, verbose=0
        ).shape[1],
        "PyTorch": torch_encode,
    },
    args.rounds,
)
rows = comparison(
    measured,
    ("images/s", lambda seconds: len(images) / seconds),
    "features",
    {"Keras predict": 1.5},
)
show(f"Encoding, {len(images)} images", rows, args.format)
