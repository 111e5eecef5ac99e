"""The digits of scikit-learn as images."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch


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
