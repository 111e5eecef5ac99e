"""Image sets as arrays: folders of images, MSTAR chips, CIFAR-10, digits, NumPy archives.

Loaders return a :class:`~sklearn.utils.Bunch`. Images have the shape
(n, height, width, channels) and keep their stored type, uint8 for pictures.
"""

import os
import pickle
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from ._mstar import (
    check_image_size,
    is_mstar_chip,
    make_sar_chips,
    read_mstar_chip,
    write_mstar_chip,
)

__all__ = [
    "is_mstar_chip",
    "load_cifar10",
    "load_digits_images",
    "load_image_folder",
    "load_mstar",
    "load_npz",
    "make_sar_chips",
    "read_mstar_chip",
    "write_mstar_chip",
]

_CIFAR10_NAMES = ["airplane", "automobile", "bird", "cat", "deer"]
_CIFAR10_NAMES += ["dog", "frog", "horse", "ship", "truck"]
# Formats that Pillow registers but cannot decode by itself, or only with Ghostscript.
_NOT_RASTER = frozenset(["BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"])
_CLASS_FOLDERS = "Pass the folder that holds the class folders, as in folder/CLASS/FILE."


def load_image_folder(
    folder,
    *,
    image_size=None,
    mode="RGB",
    resize="resize",
    on_error="raise",
    memmap=None,
    verbose=0,
):
    """Load a folder of images with one sub-folder a class.

    ``TRAIN/BMP2/SN_9563/x.jpeg``, read from ``TRAIN``, is of class BMP2.
    Classes, then folders and files within them, come in sorted order. Files
    without an image suffix, images outside the class folders, and names that
    start with a dot are ignored. Each image is decoded straight into its row
    of one uint8 array, so that no more than one decoded image is held besides.

    Parameters
    ----------
    folder : str or path-like
        Folder of class folders. A class folder without images stays in
        `target_names`, as in :func:`sklearn.datasets.load_files`, with a warning.
    image_size : tuple of int, default=None
        Height and width in pixels. None needs images of one size.
    mode : {"RGB", "L"}, default="RGB"
        Colour (3 channels) or grey (1 channel); images of the other kind are
        converted. Transparent pixels are laid on black. 16-bit grey is divided
        by 257; floating-point grey must lie in [0, 1] and is multiplied by 255.
    resize : {"resize", "crop"}, default="resize"
        How to reach `image_size`: "resize" scales (bilinear, antialiased,
        without keeping the aspect ratio), "crop" takes the central window
        without scaling and pads smaller images with zeros.
    on_error : {"raise", "warn"}, default="raise"
        What an unreadable or truncated file does: raise an error that names it,
        or leave it out with a warning that names it.
    memmap : str or path-like, default=None
        Name of a ``.npy`` file to write the images to, for sets larger than
        memory; `data` is then a read-only memory map of it. An existing
        file is replaced, once all images are read.
    verbose : int, default=0
        Above 0, show a progress bar where tqdm is installed.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - data : ndarray of shape (n, height, width, channels), dtype uint8
        - target : ndarray of shape (n,), indices into `target_names`
        - target_names : list of str, the class folders
        - filenames : ndarray of shape (n,), str
        - image_shape : tuple (height, width, channels)

    Raises
    ------
    ValueError
        If a parameter is out of its range, no image is found, a file cannot be
        read, or sizes differ and `image_size` is None.
    FileNotFoundError, NotADirectoryError
        If `folder` is not a folder.
    ImportError
        If Pillow is not installed.

    See Also
    --------
    load_mstar : Read MSTAR's own chip files.

    Notes
    -----
    Photographs are turned upright as their EXIF tag says. Of animations and
    multi-page files, the first frame is read. Links to folders are followed
    for class folders only. Load training and test sets from folders with
    the same class folders, or their class numbers differ.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from cae_sklearn.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, size in [("cat", (8, 6)), ("dog", (5, 9))]:
    ...         (Path(folder) / name).mkdir()
    ...         Image.new("L", size, 200).save(Path(folder) / name / "a.png")
    ...     images = load_image_folder(folder, image_size=(4, 4))
    >>> images.data.shape, images.target, images.target_names
    ((2, 4, 4, 3), array([0, 1]), ['cat', 'dog'])
    """
    _check_option("mode", mode, ("RGB", "L"))
    _check_option("resize", resize, ("resize", "crop"))
    _check_option("on_error", on_error, ("raise", "warn"))
    size = None if image_size is None else check_image_size(image_size)
    memmap = _check_memmap(memmap)
    suffixes = _image_suffixes()
    root = _check_folder(folder)
    names, paths, target = _class_files(root, lambda path: path.suffix.lower() in suffixes)
    if not paths:
        chip = next(_walk(root, is_mstar_chip), None)
        remedy = f"Read MSTAR chips such as {chip} with load_mstar." if chip else _CLASS_FOLDERS
        raise _no_files(root, "images, in one sub-folder a class", remedy)
    _warn_empty(names, target)

    def read(path):
        return _decode(path, size, mode, resize), None

    data, kept, _ = _stack(paths, read, on_error, verbose, memmap)
    return _image_bunch(data, target[kept], names, paths, kept)


def load_mstar(folder, *, image_size=None, label="folder", on_error="raise", verbose=0):
    """Load a folder of MSTAR chip files.

    Files count as chips whose suffix is three digits, as in ``HB03787.017``,
    or which start as a Phoenix header does; others are ignored.

    Parameters
    ----------
    folder : str or path-like
        Folder of chips, with further folders in it.
    image_size : tuple of int, default=None
        Height and width in pixels. Larger chips lose their margins, smaller
        ones are padded with zeros; nothing is scaled, since a pixel has a
        fixed size on the ground. None needs chips of one size.
    label : {"folder", "header"}, default="folder"
        Class of a chip: the sub-folder of `folder` that it is in, or the
        TargetType in its header.
    on_error : {"raise", "warn"}, default="raise"
        What a damaged chip does: raise an error that names it, or leave it out
        with a warning that names it.
    verbose : int, default=0
        Above 0, show a progress bar where tqdm is installed.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - data : ndarray of shape (n, height, width, 1), float32 magnitude
        - target : ndarray of shape (n,), indices into `target_names`
        - target_names : list of str
        - filenames : ndarray of shape (n,), str
        - image_shape : tuple (height, width, 1)
        - azimuth : ndarray of shape (n,), TargetAz in degrees, NaN where missing
        - depression : ndarray of shape (n,), DesiredDepression in degrees, or
          else MeasuredDepression, NaN where both are missing

    Raises
    ------
    ValueError
        If a parameter is out of its range, no chip is found, a chip is
        damaged, or sizes differ and `image_size` is None.
    FileNotFoundError, NotADirectoryError
        If `folder` is not a folder.

    See Also
    --------
    read_mstar_chip : Read one chip with its phase and header.
    make_sar_chips : Make synthetic chips.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from cae_sklearn.datasets import load_mstar, make_sar_chips, write_mstar_chip
    >>> sar = make_sar_chips(4, 2, image_size=(32, 32), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i, chip in enumerate(sar.data[..., 0]):
    ...         name = sar.target_names[sar.target[i]]
    ...         header = {"TargetType": name, "TargetAz": sar.azimuth[i]}
    ...         write_mstar_chip(Path(folder) / name / f"HB{i:05}.017", chip, header=header)
    ...     chips = load_mstar(folder, image_size=(24, 24))
    >>> chips.data.shape, chips.target_names
    ((4, 24, 24, 1), ['vehicle_0', 'vehicle_1'])
    """
    _check_option("label", label, ("folder", "header"))
    _check_option("on_error", on_error, ("raise", "warn"))
    size = None if image_size is None else check_image_size(image_size)
    root = _check_folder(folder)
    if label == "folder":
        names, paths, target = _class_files(root, is_mstar_chip)
    else:
        paths = list(_walk(root, is_mstar_chip))
    if not paths and label == "folder":
        remedy = _CLASS_FOLDERS + ' Chips without such folders need label="header".'
        raise _no_files(root, "MSTAR chips, in one sub-folder a class", remedy)
    if not paths:
        raise _no_files(root, "MSTAR chips", "Check the path.")

    def read(path):
        magnitude, _, header = read_mstar_chip(path)
        if label == "header" and not header.get("TargetType"):
            raise ValueError(
                f'label="header" needs TargetType in each header; {path} has none. '
                'Sort the chips into class folders and pass label="folder".'
            )
        chip = magnitude if size is None else _central_window(magnitude, size)
        return chip[..., np.newaxis], header

    data, kept, headers = _stack(paths, read, on_error, verbose)
    if label == "folder":
        _warn_empty(names, target)
        target = target[kept]
    else:
        names, target = np.unique([header["TargetType"] for header in headers], return_inverse=True)
        names = names.tolist()
    chips = _image_bunch(data, target, names, paths, kept)
    chips.azimuth = _header_floats(headers, "TargetAz")
    chips.depression = _header_floats(headers, "DesiredDepression", "MeasuredDepression")
    return chips


def load_npz(path):
    """Load a NumPy archive that holds a training and a test set.

    Parameters
    ----------
    path : str or path-like
        A ``.npz`` file with the arrays ``x_train``, ``y_train``, ``x_test`` and
        ``y_test``, and if wanted ``target_names`` or ``class_names``. Pickled
        objects are refused.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - x_train, x_test : ndarray of shape (n, height, width[, channels]) or
          (n, n_features), as stored
        - y_train, y_test : ndarray of shape (n,)
        - target_names : list of str; without names in the file, the sorted labels
        - image_shape : tuple, the shape of one row of `x_train`

    Raises
    ------
    ValueError
        If the file is not such an archive, an array is missing, or arrays do
        not fit together.
    FileNotFoundError
        If there is no such file.

    See Also
    --------
    load_cifar10 : Return CIFAR-10 in the same form.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from cae_sklearn.datasets import load_npz
    >>> x, y = np.zeros((6, 8, 8), dtype=np.uint8), np.arange(6) % 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "set.npz"
    ...     np.savez(path, x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:])
    ...     sets = load_npz(path)
    >>> sets.x_train.shape, sets.y_test, sets.target_names
    ((4, 8, 8), array([0, 1]), ['0', '1'])
    """
    wanted = ("x_train", "y_train", "x_test", "y_test")
    try:
        with open(path, "rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            missing = [name for name in wanted if name not in archive]
            found = sorted(archive)
            named = [name for name in ("target_names", "class_names") if name in archive]
            arrays = {} if missing else {name: archive[name] for name in (*wanted, *named)}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"path must be an intact .npz archive of plain arrays; got {path} ({error}). "
            "Write it with numpy.savez and without object arrays."
        ) from error
    if missing:
        raise ValueError(
            f"path must hold the arrays {', '.join(wanted)}; {path} lacks {', '.join(missing)} "
            f"and holds {', '.join(found) or 'nothing'}. Name them so in numpy.savez."
        )
    names = arrays[named[0]].astype(str).tolist() if named else None
    return _split_bunch(path, *(arrays[name] for name in wanted), names)


def load_cifar10(folder=None):
    """Load CIFAR-10: 60,000 colour images of 32 x 32 pixels in ten classes.

    Parameters
    ----------
    folder : str or path-like, default=None
        Folder of the Python version: ``data_batch_1`` to ``data_batch_5`` and
        ``test_batch``, or the folder above it. The files are pickles; anything
        in them but plain arrays and containers is refused, not run. None
        fetches the images through :mod:`keras.datasets`, which keeps them in
        ``~/.keras``.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - x_train, x_test : ndarray of shape (n, 32, 32, 3), dtype uint8
        - y_train, y_test : ndarray of shape (n,)
        - target_names : list of str
        - image_shape : tuple (32, 32, 3)

    Raises
    ------
    ValueError
        If a batch is damaged, or holds anything but plain arrays.
    FileNotFoundError
        If a batch is missing.

    See Also
    --------
    load_npz : Load a set of your own in the same form.

    References
    ----------
    .. [1] Krizhevsky, A. (2009). Learning multiple layers of features from
       tiny images. Technical report, University of Toronto.

    Examples
    --------
    >>> from cae_sklearn.datasets import load_cifar10
    >>> sets = load_cifar10("cifar-10-batches-py")  # doctest: +SKIP
    """
    if folder is None:
        from keras.datasets import cifar10  # imports TensorFlow

        (x_train, y_train), (x_test, y_test) = cifar10.load_data()
        if x_train.shape[1] == 3:  # Keras is set to channels_first
            x_train, x_test = (x.transpose(0, 2, 3, 1) for x in (x_train, x_test))
        y_train, y_test = (y.astype(np.int64) for y in (y_train, y_test))
        return _split_bunch("CIFAR-10", x_train, y_train, x_test, y_test, list(_CIFAR10_NAMES))
    root = _check_folder(folder)
    if (root / "cifar-10-batches-py").is_dir():
        root = root / "cifar-10-batches-py"
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"folder must hold the batches {', '.join(names)}; {root} lacks {', '.join(missing)}. "
            "Unpack cifar-10-python.tar.gz there, or pass folder=None."
        )
    batches = [_read_cifar10_batch(root / name) for name in names]
    x_train, y_train = (np.concatenate(parts) for parts in zip(*batches[:5], strict=True))
    return _split_bunch(root, x_train, y_train, *batches[5], list(_CIFAR10_NAMES))


def load_digits_images():
    """Load scikit-learn's handwritten digits as images.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - data : ndarray of shape (1797, 8, 8, 1), dtype uint8, from 0 to 16
        - target : ndarray of shape (1797,)
        - target_names : list of str
        - image_shape : tuple (8, 8, 1)

    See Also
    --------
    sklearn.datasets.load_digits : The same pixels, flat and as floats.

    Examples
    --------
    >>> from cae_sklearn.datasets import load_digits_images
    >>> load_digits_images().data.shape
    (1797, 8, 8, 1)
    """
    digits = load_digits()
    data = digits.images.astype(np.uint8)[..., np.newaxis]
    return Bunch(
        data=data,
        target=digits.target,
        target_names=[str(name) for name in digits.target_names],
        image_shape=data.shape[1:],
    )


# Checks and errors


def _check_option(name, value, options):
    if not isinstance(value, str) or value not in options:
        listed = " or ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be {listed}; got {value!r}. Pass {name}={options[0]!r}.")


def _check_memmap(memmap):
    if memmap is None:
        return None
    path = Path(memmap)
    if path.suffix != ".npy" or not path.parent.is_dir():
        raise ValueError(
            f"memmap must name a .npy file in an existing folder; got {str(memmap)!r}. "
            "Pass for example memmap='images.npy'."
        )
    return path


def _check_folder(folder):
    root = Path(folder)
    if root.is_dir():
        return root
    kind = NotADirectoryError if root.exists() else FileNotFoundError
    raise kind(f"folder must be an existing folder; got {str(folder)!r}. Check the path.")


def _no_files(root, what, remedy):
    return ValueError(f"folder must hold {what}; got {str(root)!r}, which has none. {remedy}")


def _warn_empty(names, target):
    empty = [names[number] for number in np.setdiff1d(np.arange(len(names)), target)]
    if empty:
        warnings.warn(
            f"No file to read in the class folders {', '.join(empty)}; they stay in target_names.",
            UserWarning,
            stacklevel=3,
        )


# Folders


def _hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _walk(top, wanted):
    """Yield the files below `top` that `wanted` accepts, in a fixed order."""
    for folder, subfolders, files in os.walk(top, onerror=_raise):
        subfolders[:] = sorted(name for name in subfolders if not _hidden(name))
        paths = (Path(folder, name) for name in sorted(files) if not _hidden(name))
        yield from (path for path in paths if wanted(path))


def _raise(error):
    raise error


def _class_files(root, wanted):
    """Return the class names, the files, and the class number of each file."""
    names = sorted(path.name for path in root.iterdir() if path.is_dir() and not _hidden(path.name))
    groups = [list(_walk(root / name, wanted)) for name in names]
    target = np.repeat(np.arange(len(names)), [len(group) for group in groups])
    return names, [path for group in groups for path in group], target


def _progress(paths, verbose):
    if not verbose:
        return paths
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return paths
    return tqdm(paths, desc="reading", unit="file")


def _stack(paths, read, on_error, verbose, memmap=None):
    """Read images of one shape into one array; return it, the rows kept, and their headers."""
    part = None if memmap is None else memmap.with_name(memmap.name + ".part")
    try:
        data, kept, headers = _read_rows(paths, read, on_error, verbose, part)
        if part is None:
            return data[: len(kept)], kept, headers
        data.flush()
        del data
        return _publish(part, len(kept), memmap), kept, headers
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _read_rows(paths, read, on_error, verbose, part):
    data, kept, headers = None, [], []
    for number, path in enumerate(_progress(paths, verbose)):
        try:
            image, header = read(path)
        except (ValueError, OSError) as error:
            if on_error == "raise":
                raise
            warnings.warn(f"Left out: {error}", UserWarning, stacklevel=4)
            continue
        if data is None:
            data = _allocate((len(paths), *image.shape), image.dtype, part)
        elif image.shape != data.shape[1:]:
            raise ValueError(
                "image_size=None needs images of one size, but "
                f"{paths[kept[0]]} has {data.shape[1]} x {data.shape[2]} pixels and {path} has "
                f"{image.shape[0]} x {image.shape[1]}. Pass image_size=(height, width)."
            )
        data[len(kept)] = image
        kept.append(number)
        headers.append(header)
    if data is None:
        raise ValueError(
            f"folder must hold a readable file; got {len(paths)}, none readable, the first being "
            f"{paths[0]}. Replace the files."
        )
    return data, kept, headers


def _allocate(shape, dtype, part):
    if part is None:
        return np.empty(shape, dtype)
    return np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)


def _publish(part, n_rows, path):
    """Cut the file `part` to the rows written, rename it to `path`, and map it read-only."""
    whole = np.load(part, mmap_mode="r")
    shape, offset = (n_rows, *whole.shape[1:]), whole.offset
    header = {"descr": whole.dtype.str, "fortran_order": False, "shape": shape}
    del whole
    with part.open("r+b") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        if stream.tell() != offset:
            raise RuntimeError(f"The .npy header of {path} changed its length.")
        stream.truncate(offset + np.dtype(header["descr"]).itemsize * int(np.prod(shape)))
    os.replace(part, path)
    return np.load(path, mmap_mode="r")


def _image_bunch(data, target, names, paths, kept):
    return Bunch(
        data=data,
        target=target,
        target_names=names,
        filenames=np.array([str(paths[number]) for number in kept]),
        image_shape=data.shape[1:],
    )


def _header_floats(headers, *keys):
    """Return the first of `keys` that each header holds as a number, or NaN."""
    values = np.full(len(headers), np.nan)
    for row, header in enumerate(headers):
        for key in reversed(keys):
            try:
                values[row] = float(header[key])
            except (KeyError, ValueError):
                continue
    return values


# Pixels


def _image_suffixes():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "load_image_folder needs Pillow. Install it with: pip install cae_sklearn[images]"
        ) from error
    registered = Image.registered_extensions().items()
    readable = set(Image.OPEN) - _NOT_RASTER
    return frozenset(suffix for suffix, kind in registered if kind in readable)


def _decode(path, size, mode, resize):
    """Return the image at `path` as uint8 of shape (height, width, channels)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            ImageOps.exif_transpose(image, in_place=True)
            picture = _to_mode(image, mode)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise ValueError(
            f"{path} cannot be read as an image: {error}. Replace or remove the file, "
            'or pass on_error="warn" to leave it out.'
        ) from error
    if size is not None and resize == "resize":
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    if size is not None and resize == "crop":
        pixels = _central_window(pixels, size)
    return pixels.reshape(*pixels.shape[:2], -1)


def _to_mode(image, mode):
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Image.fromarray(_to_8_bit(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert(mode)


def _to_8_bit(pixels):
    """Scale grey of more than 8 bits by a fixed factor, so that brightness stays comparable."""
    top, factor = (1, 255) if pixels.dtype.kind == "f" else (65535, 1 / 257)
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= top):  # NaN fails too
        raise ValueError(
            f"{pixels.dtype} pixels must lie in [0, {top}], but lie in [{low}, {high}]; "
            "scale them, or save them as they are for load_npz"
        )
    return np.rint(pixels * factor).astype(np.uint8)


def _central_window(image, size):
    """Cut `image` (height, width, ...) to `size` about its centre, padding with zeros."""
    window = np.zeros((*size, *image.shape[2:]), image.dtype)
    source, place = [], []
    for have, want in zip(image.shape, size, strict=False):
        length = min(have, want)
        source.append(slice((have - length) // 2, (have - length) // 2 + length))
        place.append(slice((want - length) // 2, (want - length) // 2 + length))
    window[tuple(place)] = image[tuple(source)]
    return window


# Training and test sets


def _split_bunch(source, x_train, y_train, x_test, y_test, names):
    y_train, y_test = (y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y for y in (y_train, y_test))
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim < 2 or y.ndim != 1 or len(x) != len(y):
            raise ValueError(
                f"x_{part} must hold one image and y_{part} one label a row; got shapes {x.shape} "
                f"and {y.shape} in {source}. Give both the same number of rows."
            )
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(
            f"x_test must hold images of the shape of x_train, {x_train.shape[1:]}; got "
            f"{x_test.shape[1:]} in {source}. Resize one of them."
        )
    if names is None:
        names = np.union1d(y_train, y_test).astype(str).tolist()
    return Bunch(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        target_names=names,
        image_shape=x_train.shape[1:],
    )


class _StoredDtype:
    """Stands for numpy.dtype in a pickle."""

    def __init__(self, spec, *_):
        self.spec = np.dtype(spec.decode() if isinstance(spec, bytes) else str(spec))

    def __setstate__(self, state):
        order = state[1].decode() if isinstance(state[1], bytes) else state[1]
        self.spec = self.spec.newbyteorder(order)


class _StoredArray:
    """Stands for numpy.ndarray in a pickle; numpy.frombuffer refuses arrays of objects."""

    values = None

    def __setstate__(self, state):
        _, shape, dtype, fortran, raw = state
        order = "F" if fortran else "C"
        self.values = np.frombuffer(raw, dtype.spec).reshape(shape, order=order)


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickler that knows arrays of numbers, the built-in containers, and nothing else.

    NumPy's own classes stay out of reach too: a forged state makes them crash the process.
    """

    def find_class(self, module, name):
        """Return what stands for `name` of NumPy's `module`, or refuse."""
        known = {
            "numpy.ndarray": _StoredArray,
            "numpy.dtype": _StoredDtype,
            "numpy._core.multiarray._reconstruct": self._reconstruct,
            "numpy._core.numeric._frombuffer": self._frombuffer,
            "_codecs.encode": self._encode,  # how old protocols hold the bytes of Python 3
        }
        # NumPy 1, which wrote the published batches, has no underscore in numpy.core.
        wanted = f"{module}.{name}".replace("numpy.core.", "numpy._core.")
        if wanted not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return known[wanted]

    def _reconstruct(self, *_):
        return _StoredArray()

    def _encode(self, text, encoding):
        if encoding not in ("latin1", b"latin1"):
            raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}, which is refused")
        return text.encode("latin1")

    def _frombuffer(self, raw, dtype, shape, order):
        stored = _StoredArray()
        stored.__setstate__((1, shape, dtype, order == "F", raw))
        return stored


def _read_cifar10_batch(path):
    """Return images (n, 32, 32, 3) and labels (n,) of one pickled batch."""
    try:
        with path.open("rb") as stream:
            batch = _ArrayUnpickler(stream, encoding="bytes").load()
        batch = {key.decode() if isinstance(key, bytes) else key: batch[key] for key in batch}
        data, labels = (getattr(batch[key], "values", batch[key]) for key in ("data", "labels"))
        pixels = np.asarray(data, dtype=np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(labels, dtype=np.int64).reshape(len(pixels))
    except MemoryError:
        raise
    except Exception as error:  # damaged pickles raise many kinds
        raise ValueError(
            f"{path} must be a pickled CIFAR-10 batch of plain arrays, with data (n, 3072) and "
            f"labels (n,); got {type(error).__name__}: {error}. Fetch the file again."
        ) from error
    return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), labels
