"""MSTAR chip files.

A chip file is an ASCII header of ``key= value`` lines between a
``[PhoenixHeaderVer..]`` and an ``[EndofPhoenixHeader]`` line,
``PhoenixHeaderLength`` bytes in all, then a native header of
``native_header_length`` bytes (none in target chips), then the magnitude and
the phase, each as big-endian float32 in row order. ``PhoenixSigSize`` is the
size of the whole file.
"""

import os
from pathlib import Path
from reprlib import repr as short_repr

import numpy as np

from ._files import open_regular

_MAGIC = b"[PhoenixHeaderVer"
_END = b"[EndofPhoenixHeader]"
_HEADER_LIMIT = 65536  # bytes; published headers have about 1,600 to 2,000
_WRITTEN_KEYS = frozenset(
    ["PhoenixHeaderLength", "PhoenixSigSize", "PhoenixSigNum", "native_header_length"]
    + ["NumberOfColumns", "NumberOfRows"]
)


def is_mstar_chip(path):
    """Tell whether a file has a three-digit suffix or starts as a Phoenix header does.

    Parameters
    ----------
    path : str or path-like
        A file, which may be missing.

    Returns
    -------
    bool
        Whether to take it for an MSTAR chip.

    See Also
    --------
    read_mstar_chip : Read one.

    Examples
    --------
    >>> from cae_sklearn.datasets import is_mstar_chip
    >>> is_mstar_chip("TRAIN/T72/HB03787.017")
    True
    """
    path = Path(path)
    if len(path.suffix) == 4 and path.suffix[1:].isdecimal():
        return True
    if not path.is_file():
        return False
    with open_regular(path) as stream:
        return _MAGIC in stream.read(64)


def read_mstar_chip(path):
    """Read one MSTAR target chip.

    Parameters
    ----------
    path : str or path-like
        A chip file, such as ``HB03787.017``.

    Returns
    -------
    magnitude : ndarray of shape (rows, columns), dtype float32
        Radar magnitude, in the file's units.
    phase : ndarray of shape (rows, columns), dtype float32, or None
        Phase in radians; None where the file ends after the magnitude.
    header : dict of str to str
        The Phoenix header as it stands, such as ``header["TargetAz"]``.

    Raises
    ------
    ValueError
        If the header is damaged or lacks a size, if the file is shorter than
        its header says, if it is a full scene of 16-bit samples, or if a
        magnitude is not finite. The message names the file.

    See Also
    --------
    write_mstar_chip : Write such a file.
    cae_sklearn.datasets.load_mstar : Read a folder of chips.

    References
    ----------
    .. [1] Ross, T. D., Worrell, S. W., Velten, V. J., Mossing, J. C. and
       Bryant, M. L. (1998). Standard SAR ATR evaluation experiments using the
       MSTAR public release data set. Proc. SPIE 3370.
       https://doi.org/10.1117/12.321859

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from cae_sklearn.datasets import read_mstar_chip, write_mstar_chip
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "HB00001.015"
    ...     write_mstar_chip(path, np.ones((4, 6)), header={"TargetType": "t72_tank"})
    ...     magnitude, phase, header = read_mstar_chip(path)
    >>> magnitude.shape, phase, header["TargetType"]
    ((4, 6), None, 't72_tank')
    """
    path = Path(path)
    with open_regular(path) as stream:
        header, offset = _read_header(stream, path)
        shape = tuple(_header_int(header, key, path) for key in ("NumberOfRows", "NumberOfColumns"))
        n_planes = _count_planes(os.fstat(stream.fileno()).st_size, offset, shape, header, path)
        stream.seek(offset)
        n_values = n_planes * shape[0] * shape[1]
        planes = np.fromfile(stream, dtype=">f4", count=n_values)
    if planes.size < n_values:
        raise _damaged(path, f"it ended at value {planes.size} of {n_values}, while it was read")
    planes = planes.reshape(n_planes, *shape).astype(np.float32)
    if not np.isfinite(planes[0]).all():
        raise _damaged(path, "every magnitude must be finite; got NaN or infinity")
    return planes[0], planes[1] if n_planes == 2 else None, header


def _damaged(path, fault):
    return ValueError(f"{path} is not a readable MSTAR chip: {fault}. Replace or remove the file.")


def _read_header(stream, path):
    block = stream.read(_HEADER_LIMIT)
    start = block.find(_MAGIC, 0, 64)  # a line break often stands before it
    if start < 0:
        raise _damaged(path, f"it must start with {_MAGIC.decode()!r}; got {block[:24]!r}")
    end = block.find(_END, start)
    if end < 0:
        raise _damaged(
            path,
            f"{_END.decode()!r} must close the header in the first {_HEADER_LIMIT} bytes; "
            f"not found in {len(block)} bytes",
        )
    pairs = (line.partition("=") for line in block[start:end].decode("latin-1").splitlines())
    header = {key.strip(): value.strip() for key, equals, value in pairs if equals}
    length = _header_int(header, "PhoenixHeaderLength", path)
    if length < end + len(_END):
        raise _damaged(
            path,
            "PhoenixHeaderLength must reach the header's last line, which ends at byte "
            f"{end + len(_END)}; got {length}",
        )
    return header, length + _header_int(header, "native_header_length", path, default=0)


def _header_int(header, key, path, default=None):
    value = header.get(key, default)
    if value is None:
        raise _damaged(path, f"its header must hold {key}; got {short_repr(sorted(header))}")
    smallest, text = 0 if default == 0 else 1, str(value)
    is_number = text.isascii() and text.isdigit() and len(text) <= 18  # no size has more digits
    if not is_number or int(text) < smallest:
        raise _damaged(path, f"{key} must be an integer >= {smallest}; got {short_repr(value)}")
    return int(text)


def _count_planes(file_size, offset, shape, header, path):
    """Return 2 for magnitude and phase, 1 for magnitude alone; refuse other lengths.

    Nothing is allocated before this check, so absurd sizes cost nothing.
    """
    plane = 4 * shape[0] * shape[1]
    held = file_size - offset
    if held >= 2 * plane:
        return 2
    if _header_int(header, "native_header_length", path, default=0):
        raise _damaged(
            path,
            "native_header_length must be 0 in a target chip; "
            f"got {header['native_header_length']}, the mark of a full scene of 16-bit samples",
        )
    declared = _header_int(header, "PhoenixSigSize", path, default=0)
    if held == plane and declared <= file_size:
        return 1
    raise _damaged(
        path,
        f"{shape[0]} rows and {shape[1]} columns need {plane} bytes of magnitude and as many of "
        f"phase after byte {offset}, in a file of PhoenixSigSize={declared or 'unknown'} bytes; "
        f"got {max(held, 0)} in a file of {file_size}",
    )


def write_mstar_chip(path, magnitude, phase=None, header=None):
    """Write one chip in the MSTAR format, making its folder where it is missing.

    Parameters
    ----------
    path : str or path-like
        File to write. MSTAR's names end in three digits, such as ``.015``.
    magnitude : array-like of shape (rows, columns)
        Finite radar magnitude, stored as float32.
    phase : array-like of shape (rows, columns), default=None
        Phase in radians. None writes no phase.
    header : dict, default=None
        Further header lines, such as ``{"TargetType": "t72_tank", "TargetAz": 30.5}``.
        Lengths and sizes in it are replaced by those of the file, so that what
        `read_mstar_chip` returns can be written back.

    Raises
    ------
    ValueError
        If an array is not finite and two-dimensional, if the two differ in
        shape, or if a header line does not fit the format.

    See Also
    --------
    read_mstar_chip : Read the file back.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from cae_sklearn.datasets import make_sar_chips, write_mstar_chip
    >>> magnitude = make_sar_chips(1, 1, random_state=0).data[0, :, :, 0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_mstar_chip(Path(folder) / "T72" / "HB00001.015", magnitude)
    """
    planes = [_check_plane("magnitude", magnitude)]
    if phase is not None:
        planes.append(_check_plane("phase", phase))
        if planes[0].shape != planes[1].shape:
            raise ValueError(
                f"phase must have the shape of magnitude, {planes[0].shape}; "
                f"got {planes[1].shape}. Pass two arrays of one chip."
            )
    rows, columns = planes[0].shape
    text = _header_text(rows, columns, len(planes), {} if header is None else header)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text + b"".join(plane.tobytes() for plane in planes))


def _check_plane(name, values):
    if np.iscomplexobj(values):
        raise TypeError(
            f"{name} must be real, but is complex. Pass np.abs(chip) and phase=np.angle(chip)."
        )
    with np.errstate(over="ignore"):  # what overflows is refused below
        plane = np.asarray(values, dtype=">f4")
    if plane.ndim != 2 or plane.size == 0 or not np.isfinite(plane).all():
        raise ValueError(
            f"{name} must be a finite, non-empty, two-dimensional array; got shape {plane.shape} "
            f"with {np.count_nonzero(~np.isfinite(plane))} non-finite values. "
            "Pass one chip, such as X[0, :, :, 0]."
        )
    return plane


def _header_text(rows, columns, n_planes, header):
    lines = [f"NumberOfColumns= {columns}", f"NumberOfRows= {rows}"]
    for key, value in header.items():
        line = f"{key}= {value}"
        if not line.isascii() or not line.isprintable() or "=" in str(key) or "[" in str(key):
            raise ValueError(
                "header must map names to values that fit one ASCII line, with no '=' or '[' in "
                f"the name; got {key!r}: {value!r}. Rename or shorten the entry."
            )
        if key not in _WRITTEN_KEYS:
            lines.append(line)
    tail = "".join(line + "\n" for line in lines) + _END.decode() + "\n"
    top = (
        "[PhoenixHeaderVer01.04]\nPhoenixHeaderLength= {:05d}\nPhoenixSigSize= {:010d}\n"
        "PhoenixSigNum= 0001\nnative_header_length= 0\n"
    )
    length = len(top.format(0, 0)) + len(tail)
    return (top.format(length, length + 4 * n_planes * rows * columns) + tail).encode("ascii")
