"""Pictures as arrays, by Pillow."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ._checks import central_window
from ._files import open_regular

# Formats that Pillow registers but cannot decode by itself, or only with Ghostscript.
_NOT_RASTER = frozenset(["BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"])


def image_suffixes():
    """Return the suffixes of the files that the installed Pillow can decode."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "load_image_folder needs Pillow. Install it with: pip install cae_sklearn[images]"
        ) from error
    registered = Image.registered_extensions().items()
    readable = set(Image.OPEN) - _NOT_RASTER
    return frozenset(suffix for suffix, kind in registered if kind in readable)


@contextmanager
def open_picture(path):
    """Open an image, and name it in the error if it cannot be read."""
    from PIL import Image

    remedy = "Replace or remove the file,"
    try:
        with open_regular(path) as stream, Image.open(stream) as image:
            yield image
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
            remedy = (
                "If you trust the file, set PIL.Image.MAX_IMAGE_PIXELS, now "
                f"{Image.MAX_IMAGE_PIXELS}, to as many pixels; else remove the file,"
            )
        raise ValueError(
            f"{path} cannot be read as an image: {error}. {remedy} "
            'or pass on_error="warn" to leave it out.'
        ) from error


@dataclass(frozen=True)
class StoredPixels:
    """What the header of an image file says of its pixels."""

    dtype: np.dtype  # of grey; colours that Pillow can keep have uint8
    deep: bool  # grey of more than 8 bits
    deep_colour: bool  # colour of more than 8 bits, of which Pillow decodes the upper 8
    unsigned_32: bool


def stored_pixels(image):
    """Return what is known of the pixels of an open image; call it before they are decoded."""
    raw_modes, depths = [], []
    for codec, _, _, arguments in image.tile:
        arguments = arguments if isinstance(arguments, tuple) else (arguments,)
        raw_modes += [part for part in arguments if isinstance(part, str)]
        depths += [part for part in arguments[1:2] if codec in ("ppm", "ppm_plain")]
    unsigned = [raw for raw in raw_modes if not raw.endswith("S")]
    has_16, has_32 = (any(f";{bits}" in raw for raw in unsigned) for bits in (16, 32))
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if not deep:
        deep_colour = has_16 or any(depth > 255 for depth in depths)
        return StoredPixels(np.dtype(np.uint8), False, deep_colour, False)
    kind = np.float32 if image.mode == "F" else np.int32
    if image.mode.startswith("I;16") or (image.mode == "I" and has_16):
        kind = np.uint16
    return StoredPixels(np.dtype(kind), True, False, kind == np.int32 and has_32)


def grey_values(image, stored):
    """Return the pixels of deep grey as they are stored."""
    values = np.asarray(image)
    if stored.unsigned_32 and values.min() < 0:
        raise ValueError("it holds 32-bit values above 2147483647, which Pillow reads as negative")
    return values.astype(stored.dtype, copy=False)


def decode(path, size, mode, resize, depth):
    """Return the image at `path` as an array of shape (height, width, channels).

    `depth` (see ``_depth``) says what becomes of grey of more than 8 bits.
    """
    from PIL import Image, ImageOps

    with open_picture(path) as image:
        stored = stored_pixels(image)
        depth.check(path, stored)
        ImageOps.exif_transpose(image, in_place=True)
        if stored.deep:
            values = depth.convert(path, grey_values(image, stored))
            wide = values.astype(np.int32) if values.dtype == np.uint16 else values
            picture = Image.fromarray(wide)  # Pillow does not resize 16 bits
        else:
            picture = _to_mode(image, mode)
    if size is not None and resize == "resize":
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    if size is not None and resize == "crop":
        pixels = central_window(pixels, size)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., np.newaxis], 3 if mode == "RGB" else 1, axis=2)
    return pixels.astype(depth.dtype, copy=False)


def _to_mode(image, mode):
    from PIL import Image

    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert(mode)
