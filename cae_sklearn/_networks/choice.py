"""Which autoencoder images get, and which views of them denoise its features."""

from .._arrays.resizing import working_size
from .deep import DeepAutoencoder
from .denoising import Views
from .whitened import WhitenedAutoencoder

STAGES = (
    "resolution",
    "whiten",
    "filters",
    "kernel_size",
    "activation",
    "batch_norm",
    "output_size",
    "shift",
    "flip",
    "shrinkage",
    "n_components",
)


def autoencoder_for(
    shape, n_images, *, resolution, whiten, shift, flip, shrinkage, n_components, **settings
):
    """Return the network for images of a shape (H, W, C), and the views of them.

    There are fewer components than the ``n_images``, if these are known. The other parameters are
    those of the featurizer, ``STAGES``.
    """
    *full_size, channels = map(int, shape)
    size = working_size(tuple(full_size), resolution)
    shape = *size, channels
    if n_components and n_images:
        n_components = max(1, min(int(n_components), n_images - 1))
    views = Views.for_images(shape, shift=shift, flip=flip, shrinkage=shrinkage)
    kind = WhitenedAutoencoder if whiten else DeepAutoencoder
    if size != tuple(full_size):
        settings["full_size"] = tuple(full_size)
    network = kind.for_images(shape, views, n_components=n_components, **settings)
    return network, views
