"""Folders of images with one sub-folder a class."""

from ._checks import check_folder, check_image_size, check_option, warn_caller
from ._chips import is_mstar_chip
from ._depth import EightBits, StoredBits
from ._files import (
    CLASS_FOLDERS,
    IN_CLASSES,
    LeftOut,
    empty_classes,
    find_class_files,
    find_files,
    no_files,
)
from ._pictures import decode, image_suffixes
from ._stack import check_memmap, image_bunch, stack_images


def load_image_folder(
    folder,
    *,
    image_size=None,
    mode="RGB",
    resize="resize",
    dtype="uint8",
    on_error="raise",
    memmap=None,
    verbose=0,
):
    """Load a folder of images with one sub-folder a class.

    ``TRAIN/BMP2/SN_9563/x.jpeg``, read from ``TRAIN``, is of class BMP2.
    Classes, then folders and files within them, come in sorted order. Names
    that start with a dot are ignored. Files without the suffix of an image
    that Pillow reads, and images outside the class folders, are left out: a
    warning counts and names them. Each image is decoded straight into its
    place in one array, so that no more than one decoded image is held besides.

    Parameters
    ----------
    folder : str or path-like
        Folder of class folders. A class folder without images stays in
        `target_names`, as in :func:`sklearn.datasets.load_files`, with a warning.
    image_size : tuple of int, default=None
        Height and width in pixels. None needs images of one size.
    mode : {"RGB", "L"}, default="RGB"
        Colour (3 channels) or grey (1 channel); images of the other kind are
        converted. Transparent pixels are laid on black.
    resize : {"resize", "crop"}, default="resize"
        How to reach `image_size`: "resize" scales (bilinear, antialiased,
        without keeping the aspect ratio), "crop" takes the central window
        without scaling and pads smaller images with zeros.
    dtype : {"uint8", "stored"}, default="uint8"
        What becomes of grey of more than 8 bits, as of 12-bit cameras in
        16-bit files. "uint8" scales it to 0 to 255 by one range for all such
        files of the folder, and warns if grey levels are lost (see Notes).
        "stored" keeps the values of the files, in the smallest type that holds
        those of all files, such as uint16 or float32.
    on_error : {"raise", "warn"}, default="raise"
        What an unreadable or truncated file does: raise an error that names it,
        or leave it out with a warning that names it.
    memmap : str or path-like, default=None
        Name of a ``.npy`` file to write the images to, for sets larger than
        memory; `data` is then a read-only memory map of it. An existing
        file, also one behind a link, is replaced once all images are read.
    verbose : int, default=0
        Above 0, show a progress bar where tqdm is installed.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - data : ndarray of shape (n, height, width, channels), dtype uint8,
          or that of the files
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
    for class folders only. Pipes and devices are refused like damaged files.

    The range that becomes 0 to 255 is the smallest round one that holds the
    values of all files of more than 8 bits: for integers 0 to ``2**bits - 1``
    with at least 8 bits, for floats 0 to 1. Where the values fill less than
    half of it, or are negative, it runs from the lowest to the highest value.
    Two folders may thus be scaled differently, such as one for training and one
    for tests; pass ``dtype="stored"`` to keep their values comparable.
    Integers from 0 to 255 stay as they are. Pillow reads colours of 16 bits as 8 bits.

    Load training and test sets from folders with
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
    check_option("mode", mode, ("RGB", "L"))
    check_option("resize", resize, ("resize", "crop"))
    check_option("dtype", dtype, ("uint8", "stored"))
    check_option("on_error", on_error, ("raise", "warn"))
    size = None if image_size is None else check_image_size(image_size)
    memmap = check_memmap(memmap)
    suffixes = image_suffixes()
    root = check_folder(folder)
    left_out = LeftOut()
    names, paths, target = find_class_files(
        root, lambda path: path.suffix.lower() in suffixes, left_out
    )
    if not paths:
        chip = next(find_files(root, is_mstar_chip, LeftOut()), None)
        remedy = f"Read MSTAR chips such as {chip} with load_mstar." if chip else CLASS_FOLDERS
        raise no_files(root, "images", IN_CLASSES, left_out, remedy)
    depth = EightBits(paths) if dtype == "uint8" else StoredBits(paths)

    def read(path):
        return decode(path, size, mode, resize, depth), None

    data, kept, _ = stack_images(paths, read, on_error, verbose, memmap)
    messages = [left_out.message("images"), empty_classes(names, target), *depth.messages()]
    for message in filter(None, messages):
        warn_caller(message)
    return image_bunch(data, target[kept], names, paths, kept)
