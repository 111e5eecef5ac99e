"""Images as pictures, on one scale."""

import numpy as np


def as_pictures(name, images, image_shape=None):
    """Return images as an array (n, H, W, C)."""
    images = np.asarray(images)
    shape = images.shape[1:] if image_shape is None else tuple(image_shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or shape[2] not in (1, 3) or images.size != len(images) * np.prod(shape):
        raise ValueError(
            f"{name} must have the shape (n, H, W), (n, H, W, 1) or (n, H, W, 3), or be flat with "
            f"image_shape=(H, W, C); got the shape {images.shape} with image_shape={image_shape}."
        )
    if not len(images):
        raise ValueError(f"{name} must hold one image or more; got the shape {images.shape}.")
    return images.reshape(len(images), *shape)


def limits_of(images):
    """Return the values that are drawn black and white."""
    low, high = np.nanpercentile(images, [0.5, 99.5])
    if low == high:  # next to all pixels have one value
        low, high = np.nanmin(images), np.nanmax(images)
    return float(low), float(high if high > low else low + 1)


def show_picture(ax, picture, limits, cmap):
    low, high = limits
    aspect = "auto" if 1 in picture.shape[:2] else "equal"  # a signal is a line of one pixel
    if picture.shape[-1] == 1:
        ax.imshow(picture[..., 0], cmap=cmap, vmin=low, vmax=high, aspect=aspect)
    else:
        ax.imshow(np.clip((picture.astype(float) - low) / (high - low), 0, 1), aspect=aspect)
    ax.set(xticks=[], yticks=[])
