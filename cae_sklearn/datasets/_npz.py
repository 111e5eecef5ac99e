"""NumPy archives that hold a training and a test set."""

import zipfile

import numpy as np

from ._checks import warn_caller
from ._files import open_regular
from ._two_parts import split_bunch

_WANTED = ("x_train", "y_train", "x_test", "y_test")
_NAMES = ("target_names", "class_names")
_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


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
        - image_shape : tuple, the shape of one image of `x_train`

    Raises
    ------
    ValueError
        If the file is damaged or not such an archive, an array is missing, or
        arrays do not fit together. The message names the file.
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
    with open_regular(path) as stream:
        try:
            members, arrays = _read_archive(stream)
            names = next((_as_names(arrays[name]) for name in _NAMES if name in arrays), None)
        except Exception as error:  # damaged archives raise many kinds
            raise ValueError(
                f"path must be an intact .npz archive of plain arrays; got {path} "
                f"({type(error).__name__}: {error}). "
                "Write it with numpy.savez and without object arrays."
            ) from error
    missing = [name for name in _WANTED if name not in members]
    if missing:
        raise ValueError(
            f"path must hold the arrays {', '.join(_WANTED)}; {path} lacks {', '.join(missing)} "
            f"and holds {', '.join(members) or 'nothing'}. Name them so in numpy.savez."
        )
    _check_labels(path, arrays["y_train"].dtype, arrays["y_test"].dtype)
    sets = split_bunch(path, *(arrays[name] for name in _WANTED), names)
    labels = np.union1d(sets.y_train, sets.y_test)
    n_names = len(sets.target_names)
    if labels.dtype.kind in "iu" and labels.size and not 0 <= labels[0] <= labels[-1] < n_names:
        warn_caller(
            f"target_names holds {n_names} names, for the labels 0 to {n_names - 1}, but those of "
            f"{path} run from {labels[0]} to {labels[-1]}: target_names[label] is not the name of "
            "each. Number the labels from 0, or name them by a dict of your own."
        )
    return sets


def _check_labels(path, *dtypes):
    """Raise an error for two types of labels that NumPy would turn into a third."""
    kinds = {"text" if dtype.kind in "US" else dtype.kind for dtype in dtypes}
    alike = kinds == {"text"} or kinds <= set("biuf")
    if not alike or (kinds == {"i", "u"} and np.result_type(*dtypes).kind == "f"):
        raise ValueError(
            f"y_train and y_test must both hold whole numbers or both text; those of {path} are "
            f"{dtypes[0]} and {dtypes[1]}. Convert them to one type."
        )


def _read_archive(stream):
    """Return the names of all arrays, and the wanted arrays unless one is missing."""
    with zipfile.ZipFile(stream) as archive:
        _check_directory(stream, archive)
        members = {
            info.filename.removesuffix(".npy"): info
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
        if not members.keys() >= set(_WANTED):
            return sorted(members), {}
        read = [name for name in (*_WANTED, *_NAMES) if name in members]
        return sorted(members), {name: _read_array(archive, members[name]) for name in read}


def _check_directory(stream, archive):
    """Refuse a damaged list of members, lest an array disappear without a word."""
    for info in archive.infolist():
        archive.open(info).close()  # compares the name with the one before the values
    stream.seek(-22, 2)  # the end record; NumPy writes no comment after it
    end = stream.read()
    listed, found = int.from_bytes(end[10:12], "little"), len(archive.infolist())
    if end.startswith(b"PK\5\6") and listed not in (found, 0xFFFF):
        raise ValueError(f"it lists {listed} arrays, of which {found} are found")


def _read_array(archive, member):
    """Read one array to its last byte, whose checksum then counts too."""
    with archive.open(member) as stream:
        _check_length(stream, member)
    with archive.open(member) as stream:
        values = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1):
            raise ValueError(f"{member.filename} is longer than its header says")
    return values


def _check_length(stream, member):
    """Refuse a header that asks for more memory than the archive holds values."""
    read_header = _READ_HEADER.get(np.lib.format.read_magic(stream))
    if read_header is None:
        return  # version 3.0, of field names beyond Latin-1, which has no public reader
    shape, _, dtype = read_header(stream)
    n_bytes = dtype.itemsize
    for length in shape:
        n_bytes *= length
    held = member.file_size - stream.tell()
    if not dtype.hasobject and n_bytes != held:
        raise ValueError(f"{member.filename} needs {n_bytes} bytes of values, but holds {held}")


def _as_names(names):
    if names.ndim != 1:
        raise ValueError(f"its names must have one dimension; got the shape {names.shape}")
    return names.astype(str).tolist()
