"""Synthetic chips that look like those of an imaging radar."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state

from ._checks import check_image_size


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
