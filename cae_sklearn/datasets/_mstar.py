"""Folders of MSTAR chips."""

import numpy as np

from ._checks import central_window, check_folder, check_image_size, check_option, warn_caller
from ._chips import is_mstar_chip, read_mstar_chip
from ._files import (
    CLASS_FOLDERS,
    IN_CLASSES,
    LeftOut,
    empty_classes,
    find_class_files,
    find_files,
    no_files,
)
from ._stack import image_bunch, stack_images


def load_mstar(folder, *, image_size=None, label="folder", on_error="raise", verbose=0):
    """Load a folder of MSTAR chip files.

    Files count as chips whose suffix is three digits, as in ``HB03787.017``,
    or which start as a Phoenix header does. Others hold no
    chip and are ignored.

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
    check_option("label", label, ("folder", "header"))
    check_option("on_error", on_error, ("raise", "warn"))
    size = None if image_size is None else check_image_size(image_size)
    root = check_folder(folder)
    by_folder, left_out, names, target = label == "folder", LeftOut(), [], []
    if by_folder:
        names, paths, target = find_class_files(root, is_mstar_chip, left_out)
    else:
        paths = list(find_files(root, is_mstar_chip, left_out))
    if not paths:
        remedy = f'{CLASS_FOLDERS} Chips without such folders need label="header".'
        where, remedy = (IN_CLASSES, remedy) if by_folder else ("", "Check the path.")
        raise no_files(root, "MSTAR chips", where, left_out, remedy)

    def read(path):
        magnitude, _, header = read_mstar_chip(path)
        if not by_folder and not header.get("TargetType"):
            raise ValueError(
                f'label="header" needs TargetType in each header; {path} has none. '
                'Sort the chips into class folders and pass label="folder".'
            )
        chip = magnitude if size is None else central_window(magnitude, size)
        return chip[..., np.newaxis], header

    data, kept, headers = stack_images(paths, read, on_error, verbose)
    if message := empty_classes(names, target):
        warn_caller(message)
    if by_folder:
        target = target[kept]
    else:
        names, target = np.unique([header["TargetType"] for header in headers], return_inverse=True)
        names = names.tolist()
    chips = image_bunch(data, target, names, paths, kept)
    chips.azimuth = _header_floats(headers, "TargetAz")
    chips.depression = _header_floats(headers, "DesiredDepression", "MeasuredDepression")
    return chips


def _header_floats(headers, *keys):
    """Return the first of `keys` that each header holds as a number, or NaN."""
    values = np.full(len(headers), np.nan)
    for place, header in enumerate(headers):
        for key in reversed(keys):
            try:
                values[place] = float(header[key])
            except (KeyError, ValueError):
                continue
    return values
