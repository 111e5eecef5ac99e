"""What becomes of images of more than 8 bits: scaled to 8, or kept as stored."""

from functools import cached_property

import numpy as np

from ._pictures import grey_values, open_picture, stored_pixels


class EightBits:
    """Scales deep grey to 0 to 255, by one range for all files of a folder.

    The files are looked through when the first deep one is met, so other folders pay nothing.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, paths):
        self.paths = paths
        self.colours = []  # files whose colours lose their lower bits
        self.loss = None  # the first file whose grey loses levels, before and after

    def check(self, path, stored):
        if stored.deep_colour:
            self.colours.append(path)

    @cached_property
    def ranges(self):
        """What becomes 0 and 255, for floats (key True) and for integers (key False)."""
        found = {}
        for path in self.paths:
            values = _deep_values(path)
            if values is None or not values.size:
                continue
            key = values.dtype.kind == "f"
            low, high = found.get(key, (np.inf, -np.inf))
            found[key] = min(low, values.min().item()), max(high, values.max().item())
        return {key: _round_range(key, *limits) for key, limits in found.items()}

    def convert(self, path, values):
        if not np.isfinite(values).all():
            raise ValueError(
                "its pixels must be finite, but some are NaN or infinite; replace them, or keep "
                'them with dtype="stored"'
            )
        low, high = self.ranges[values.dtype.kind == "f"]
        scaled = np.rint((values.astype(np.float64) - low) * (255 / (high - low)))
        scaled = np.clip(scaled, 0, 255).astype(np.uint8)
        if self.loss is None:
            before, after = len(np.unique(values)), len(np.unique(scaled))
            self.loss = (path, before, after, low, high) if after < before else None
        return scaled

    def messages(self):
        """Say where levels were lost."""
        if self.loss is not None:
            path, before, after, low, high = self.loss
            yield (
                f"Grey of more than 8 bits was scaled from [{low:g}, {high:g}], the range of this "
                f"folder, to [0, 255], and levels were lost: {after} of {before} are left in "
                f'{path}. Pass dtype="stored" to keep the values of the files.'
            )
        if self.colours:
            yield (
                f"Of colours of more than 8 bits, only the upper 8 are read: {len(self.colours)} "
                f"files, such as {self.colours[0]}. To keep all, convert them to arrays and use "
                "load_npz."
            )


class StoredBits:
    """Keeps the values of the files, in the smallest type that holds those of all files."""

    def __init__(self, paths):
        found = {stored.dtype for stored in map(_header, paths) if stored is not None}
        self.dtype = np.result_type(*found) if found else np.dtype(np.uint8)

    def check(self, path, stored):
        if stored.deep_colour:
            raise ValueError(
                "it holds colours of more than 8 bits, of which only the upper 8 can be read; "
                'pass dtype="uint8", or convert the files to arrays and use load_npz'
            )

    def convert(self, path, values):
        return values

    def messages(self):
        """Nothing is lost."""
        return ()


def _header(path):
    """Return what the header says of the pixels; None if it cannot be read (named later)."""
    try:
        with open_picture(path) as image:
            return stored_pixels(image)
    except ValueError:
        return None


def _deep_values(path):
    """Return the finite values of a file of deep grey; None of any other."""
    try:
        with open_picture(path) as image:
            stored = stored_pixels(image)
            values = grey_values(image, stored) if stored.deep else None
    except ValueError:
        return None
    return values[np.isfinite(values)] if stored.dtype.kind == "f" else values


def _round_range(is_float, low, high):
    """Return what becomes 0 and 255.

    A round range makes folders of one camera comparable: 0 to 1 for floats, else 0 to
    ``2**bits - 1`` for the fewest bits, at least 8. Values that fill less than half of it would
    lose too many levels; for them it is their own range.
    """
    top = 1.0 if is_float else 2 ** max(int(high).bit_length(), 8) - 1
    if low >= 0 and high <= top and (top == 255 or low == high or 2 * (high - low) >= top):
        return 0, top
    return low, max(high, low + 1) if low == high else high
