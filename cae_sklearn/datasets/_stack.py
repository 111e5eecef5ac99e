"""Images of one shape, read one by one into one array or memory map."""

import os
import secrets
import shutil
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch


def check_memmap(memmap):
    """Return the file to write, behind a link if there is one; None stays None."""
    if memmap is None:
        return None
    path = Path(memmap)
    if path.suffix != ".npy" or not path.parent.is_dir():
        raise ValueError(
            f"memmap must name a .npy file in an existing folder; got {str(memmap)!r}. "
            "Pass for example memmap='images.npy'."
        )
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file() or not path.parent.is_dir():
        raise ValueError(
            f"memmap must name a file that can be written; got {str(memmap)!r}, which is {path}. "
            "Pass another name."
        )
    return path


def stack_images(paths, read, on_error, verbose, memmap=None):
    """Read images into one array; return it, the numbers of the files kept, and their headers.

    ``read(path)`` returns an image of shape (height, width, channels) and a header.
    """
    if memmap is None:
        data, kept, headers = _read_images(paths, read, on_error, verbose, np.empty)
        return data[: len(kept)], kept, headers
    with _fresh_file(memmap) as stream:
        allocate = partial(_map_new_array, stream)
        data, kept, headers = _read_images(paths, read, on_error, verbose, allocate)
        data.flush()
        _cut(stream, data, len(kept))
        del data
        if memmap.exists():
            shutil.copymode(memmap, stream.name)
        os.replace(stream.name, memmap)
    return np.load(memmap, mmap_mode="r"), kept, headers


def _read_images(paths, read, on_error, verbose, allocate):
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
            data = allocate((len(paths), *image.shape), image.dtype)
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


def _progress(paths, verbose):
    if not verbose:
        return paths
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return paths
    return tqdm(paths, desc="reading", unit="file")


@contextmanager
def _fresh_file(path):
    """Open a new file beside `path`, and remove it in the end unless it was renamed.

    Its name cannot be guessed, and mode "x" refuses whatever is there, links too.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("x+b") as stream:
            yield stream
    finally:
        part.unlink(missing_ok=True)


def _write_header(stream, shape, dtype):
    """Write the header of a .npy file; return where the values start."""
    stream.seek(0)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    stream.flush()
    return stream.tell()


def _map_new_array(stream, shape, dtype):
    offset = _write_header(stream, shape, dtype)
    stream.truncate(offset + int(np.prod(shape)) * dtype.itemsize)
    return np.memmap(stream, dtype=dtype, mode="r+", offset=offset, shape=shape)


def _cut(stream, data, n_images):
    """Cut the file of the memory map `data` to its first images."""
    shape = (n_images, *data.shape[1:])
    if _write_header(stream, shape, data.dtype) != data.offset:
        raise RuntimeError("The header of the .npy file changed its length.")
    stream.truncate(data.offset + int(np.prod(shape)) * data.itemsize)


def image_bunch(data, target, names, paths, kept):
    """Return what all loaders of folders return."""
    return Bunch(
        data=data,
        target=target,
        target_names=names,
        filenames=np.array([str(paths[number]) for number in kept]),
        image_shape=data.shape[1:],
    )
