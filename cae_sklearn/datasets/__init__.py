"""Image sets as arrays: folders of images, MSTAR chips, CIFAR-10, digits, NumPy archives.

Loaders return a :class:`~sklearn.utils.Bunch`. Images have the shape
(n, height, width, channels) and keep their stored type, uint8 for pictures.
"""

from ._chips import is_mstar_chip, read_mstar_chip, write_mstar_chip
from ._cifar import load_cifar10
from ._digits import load_digits_images
from ._folders import load_image_folder
from ._mstar import load_mstar
from ._npz import load_npz
from ._sar import make_sar_chips

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
