"""MSTAR chip files, and synthetic chips that look like them.

A chip file is an ASCII header of ``key= value`` lines between a
``[PhoenixHeaderVer..]`` and an ``[EndofPhoenixHeader]`` line,
``PhoenixHeaderLength`` bytes in all, then a native header of
``native_header_length`` bytes (none in target chips), then the magnitude and
the phase, each as big-endian float32 in row order. ``PhoenixSigSize`` is the
size of the whole file.
"""

import os
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch, check_random_state

_MAGIC = b"[PhoenixHeaderVer"
_END = b"[EndofPhoenixHeader]"
_HEADER_LIMIT = 65536  # bytes; published headers have about 1,600 to 2,000
_WRITTEN_KEYS = frozenset(
    ["PhoenixHeaderLength", "PhoenixSigSize", "PhoenixSigNum", "native_header_length"]
    + ["NumberOfColumns", "NumberOfRows"]
)


def check_image_size(image_size, *, smallest=1):
    """Return `image_size` as a pair (height, width) of plain integers."""
    size = tuple(image_size) if isinstance(image_size, (tuple, list, np.ndarray)) else ()
    if (
        len(size) != 2
        or any(isinstance(n, bool) or not isinstance(n, Integral) for n in size)
        or min(size) < smallest
    ):
        raise ValueError(
            f"image_size must be a pair (height, width) of integers >= {smallest}; "
            f"got {image_size!r}. Pass for example image_size=(64, 64)."
        )
    return int(size[0]), int(size[1])


def is_mstar_chip(path):
    """Tell whether `path` has a three-digit suffix or starts as a Phoenix header does."""
    if len(path.suffix) == 4 and path.suffix[1:].isdecimal():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as stream:
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
    with path.open("rb") as stream:
        header, offset = _read_header(stream, path)
        shape = tuple(_header_int(header, key, path) for key in ("NumberOfRows", "NumberOfColumns"))
        n_planes = _count_planes(os.fstat(stream.fileno()).st_size, offset, shape, header, path)
        stream.seek(offset)
        planes = np.fromfile(stream, dtype=">f4", count=n_planes * shape[0] * shape[1])
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
        raise _damaged(path, f"its header must hold {key}; got {sorted(header)}")
    smallest = 0 if default == 0 else 1
    try:
        number = int(value)
    except ValueError:
        number = -1
    if number < smallest:
        raise _damaged(path, f"{key} must be an integer >= {smallest}; got {value!r}")
    return number


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


def make_sar_chips(
    n_samples=200, n_classes=4, *, image_size=(64, 64), depression=17.0, random_state=None
):
    """Make synthetic chips of vehicles as an imaging radar sees them.

    Each class is a vehicle of its own length, width and height with its own
    bright scatterers; each image shows it at a random azimuth, before its
    radar shadow, on even ground, under single-look speckle. With reflectivity
    R, the magnitude is ``sqrt(R * G)``, where G is exponential with mean 1, so
    that even ground has a Rayleigh distribution. Vehicles depend on the class
    number alone: sets drawn with different seeds show the same classes.

    Parameters
    ----------
    n_samples : int, default=200
        Number of images, spread evenly over the classes.
    n_classes : int, default=4
        Number of classes.
    image_size : tuple of int, default=(64, 64)
        Height and width in pixels, at least 16. Rows run away from the radar.
    depression : float, default=17.0
        Depression angle in degrees, above 0 and below 90. Shadows shorten as it grows.
    random_state : int, RandomState instance or None, default=None
        Draws azimuths, places, speckle and order. Pass an int for equal output.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - data : ndarray of shape (n_samples, height, width, 1), float32 magnitude
        - target : ndarray of shape (n_samples,), class numbers
        - target_names : list of str
        - azimuth : ndarray of shape (n_samples,), degrees from 0 to 360
        - depression : ndarray of shape (n_samples,), degrees
        - image_shape : tuple (height, width, 1)

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    See Also
    --------
    write_mstar_chip : Write such images as MSTAR chip files.
    cae_sklearn.datasets.load_mstar : Read a folder of them.

    Examples
    --------
    >>> from cae_sklearn.datasets import make_sar_chips
    >>> chips = make_sar_chips(6, 3, image_size=(32, 48), random_state=0)
    >>> chips.data.shape, chips.data.dtype.name, chips.target_names[0]
    ((6, 32, 48, 1), 'float32', 'vehicle_0')
    """
    for name, value in (("n_samples", n_samples), ("n_classes", n_classes)):
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be an integer >= 1; got {value!r}. Pass for example 4.")
    if not isinstance(depression, Real) or not 0 < depression < 90:
        raise ValueError(
            f"depression must be an angle above 0 and below 90 degrees; got {depression!r}. "
            "MSTAR uses 15 and 17."
        )
    size = check_image_size(image_size, smallest=16)
    rng = check_random_state(random_state)
    target = rng.permutation(np.arange(n_samples) % n_classes)
    azimuth = rng.uniform(0, 360, n_samples)
    vehicles = [_vehicle(number) for number in range(n_classes)]
    data = np.empty((n_samples, *size, 1), dtype=np.float32)
    for image, number, angle in zip(data, target, azimuth, strict=True):
        place = rng.uniform(-0.03, 0.03, 2)
        reflectivity = _reflectivity(vehicles[number], size, angle, depression, place)
        image[..., 0] = np.sqrt(reflectivity * rng.exponential(size=size))
    return Bunch(
        data=data,
        target=target,
        target_names=[f"vehicle_{number}" for number in range(n_classes)],
        azimuth=azimuth,
        depression=np.full(n_samples, float(depression)),
        image_shape=(*size, 1),
    )


def _vehicle(number):
    """Return the fixed geometry of a class, in units of the image's shorter side."""
    rng = np.random.RandomState(number)
    half = np.array([0.14 + 0.03 * (number % 4), rng.uniform(0.06, 0.11)])
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    points = np.vstack([corners, rng.uniform(-0.9, 0.9, (6, 2))]) * half
    return {
        "half": half,
        "height": rng.uniform(0.04, 0.07),
        "points": points,
        "power": rng.uniform(30, 300, len(points)),
        "facing": rng.uniform(0, 2 * np.pi, len(points)),
    }


def _reflectivity(vehicle, size, azimuth, depression, place):
    """Return the mean power at each pixel: ground 1, shadow 0.05, body 3, points far above."""
    shorter = min(size)
    turn = np.deg2rad(azimuth)
    rows, columns = ((np.arange(n) - (n - 1) / 2) / shorter for n in size)
    down, across = np.meshgrid(rows - place[0], columns - place[1], indexing="ij")
    along = across * np.cos(turn) + down * np.sin(turn)
    aside = down * np.cos(turn) - across * np.sin(turn)
    body = (np.abs(along) <= vehicle["half"][0]) & (np.abs(aside) <= vehicle["half"][1])
    power = np.ones(size)
    reach = vehicle["height"] * shorter / np.tan(np.deg2rad(depression))
    for step in range(1, min(round(reach), size[0] - 1) + 1):
        power[step:][body[:-step]] = 0.05
    power[body] = 3.0
    glint = vehicle["power"] * np.cos((turn - vehicle["facing"]) / 2) ** 2
    for (u, v), strength in zip(vehicle["points"], glint, strict=True):
        distance = ((along - u) ** 2 + (aside - v) ** 2) * shorter**2
        power += strength * np.exp(-distance / 1.6)
    return power
