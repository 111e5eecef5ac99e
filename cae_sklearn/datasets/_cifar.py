"""CIFAR-10, from its published files or through Keras."""

import numpy as np

from ._checks import check_folder
from ._files import open_regular
from ._plain_pickles import read_pickle
from ._two_parts import split_bunch

_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def load_cifar10(folder=None):
    """Load CIFAR-10: 60,000 colour images of 32 x 32 pixels in ten classes.

    Parameters
    ----------
    folder : str or path-like, default=None
        Folder of the Python version: ``data_batch_1`` to ``data_batch_5`` and
        ``test_batch``, or the folder above it. The files are pickles; anything
        in them but plain arrays and containers is refused, not run. Pixels must
        be whole numbers from 0 to 255, and labels from 0 to 9. None fetches the
        images through :mod:`keras.datasets`, which keeps them in ``~/.keras``.

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
        If a batch is damaged, holds anything but plain arrays, or a pixel or
        label is out of its range. The message names the file.
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
        return split_bunch("CIFAR-10", x_train, y_train, x_test, y_test, list(_NAMES))
    root = check_folder(folder)
    if (root / "cifar-10-batches-py").is_dir():
        root = root / "cifar-10-batches-py"
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"folder must hold the batches {', '.join(names)}; {root} lacks {', '.join(missing)}. "
            "Unpack cifar-10-python.tar.gz there, or pass folder=None."
        )
    batches = [_read_batch(root / name) for name in names]
    x_train, y_train = (np.concatenate(parts) for parts in zip(*batches[:5], strict=True))
    return split_bunch(root, x_train, y_train, *batches[5], list(_NAMES))


def _read_batch(path):
    """Return images (n, 32, 32, 3) and labels (n,) of one pickled batch."""
    with open_regular(path) as stream:
        blob = stream.read()
    try:
        batch = read_pickle(blob)
        batch = {key.decode() if isinstance(key, bytes) else key: batch[key] for key in batch}
        pixels = _whole_numbers("data", batch["data"], 255).reshape(-1, 3, 32, 32)
        labels = _whole_numbers("labels", batch["labels"], len(_NAMES) - 1).reshape(len(pixels))
    except MemoryError:
        raise
    except Exception as error:  # damaged pickles raise many kinds
        raise ValueError(
            f"{path} must be a pickled CIFAR-10 batch of plain arrays, with data (n, 3072) and "
            f"labels (n,); got {type(error).__name__}: {error}. Fetch the file again."
        ) from error
    images = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1), dtype=np.uint8)
    return images, labels.astype(np.int64)


def _whole_numbers(name, values, largest):
    """Return an array, or list of numbers, of whole numbers from 0 to `largest`."""
    if isinstance(values, list):
        kinds = {type(value) for value in values}
        if not kinds <= {int, float}:
            raise ValueError(f"{name} must hold plain numbers, but holds {_kind_names(kinds)}")
        values = np.array(values)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be an array of numbers, but is {type(values).__name__}")
    wrong = values[~((values >= 0) & (values <= largest) & (values == np.floor(values)))]
    if wrong.size:
        raise ValueError(
            f"{name} must hold whole numbers from 0 to {largest}, but holds {wrong.size} others, "
            f"such as {wrong.flat[0]}"
        )
    return values


def _kind_names(kinds):
    return ", ".join(sorted(kind.__name__ for kind in kinds))
