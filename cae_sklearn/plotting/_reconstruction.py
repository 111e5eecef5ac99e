"""Images and what an autoencoder makes of them."""

from .._steps import steps_of
from ._axes import given_axes, pyplot
from ._estimators import autoencoder_of
from ._pictures import as_pictures, limits_of, show_picture


class ReconstructionDisplay:
    """Images above what an autoencoder makes of them.

    Make it with `from_estimator` or `from_arrays`.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, 1) or (n, H, W, 3)
        The originals, in any unit.
    reconstructions : ndarray of the same shape
        The reconstructions, in the same unit.

    Attributes
    ----------
    axes_ : ndarray of shape (2, n) of matplotlib Axes
        Originals in the first row.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    cae_sklearn.CAEFeaturizer : Learns the autoencoder.

    Notes
    -----
    All pictures share one scale, from the 0.5th to the 99.5th percentile of the originals:
    what the reconstruction loses in contrast shows, and single bright pixels, as in radar
    images, do not darken the rest.

    Examples
    --------
    >>> import numpy as np
    >>> from cae_sklearn.plotting import ReconstructionDisplay
    >>> images = np.random.default_rng(0).uniform(size=(3, 8, 8))
    >>> display = ReconstructionDisplay.from_arrays(images, images.round(1))
    >>> display.axes_.shape
    (2, 3)
    """

    def __init__(self, *, images, reconstructions):
        self.images = images
        self.reconstructions = reconstructions

    @classmethod
    def from_estimator(cls, featurizer, X, *, n_images=8, image_shape=None, axes=None, cmap="gray"):
        """Reconstruct images with a fitted featurizer, and plot.

        Parameters
        ----------
        featurizer : CAEFeaturizer or Pipeline
            Fitted. Of a Pipeline, the steps up to the last one with ``inverse_transform``.
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images; the first ones are shown.
        n_images : int >= 1, default=8
            The most images to show.
        image_shape : tuple of int, default=None
            ``(H, W, C)`` or ``(H, W)`` of flat images; None is ``image_shape_`` of the featurizer.
        axes : array-like of 2 * n_images matplotlib Axes, default=None
            Where to draw; None makes a figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of images with one channel.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.
        """
        images = X[:n_images]
        coder = autoencoder_of(featurizer)
        reconstructions = coder.inverse_transform(coder.transform(images))
        if image_shape is None:
            shapes = (getattr(step, "image_shape_", None) for step in steps_of(coder))
            image_shape = next(filter(None, shapes), None)
        return cls.from_arrays(
            images, reconstructions, image_shape=image_shape, axes=axes, cmap=cmap
        )

    @classmethod
    def from_arrays(cls, images, reconstructions, *, image_shape=None, axes=None, cmap="gray"):
        """Plot images and reconstructions.

        Parameters
        ----------
        images : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            The originals, with C = 1 or 3 channels, in any unit.
        reconstructions : array-like of as many images
            In the unit of the originals.
        image_shape : tuple of int, default=None
            ``(H, W, C)`` or ``(H, W)``, needed for flat images.
        axes : array-like of matplotlib Axes, default=None
            As in `from_estimator`.
        cmap : str or Colormap, default=None
            As in `from_estimator`.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.
        """
        images = as_pictures("images", images, image_shape)
        reconstructions = as_pictures("reconstructions", reconstructions, image_shape)
        if images.shape != reconstructions.shape:
            raise ValueError(
                f"reconstructions must have the shape of images, {images.shape}, but have "
                f"{reconstructions.shape}. Pass as many images of the same size."
            )
        return cls(images=images, reconstructions=reconstructions).plot(axes=axes, cmap=cmap)

    def plot(self, *, axes=None, cmap="gray"):
        """Draw the two rows of pictures.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            As in `from_estimator`.
        cmap : str or Colormap, default=None
            As in `from_estimator`.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.
        """
        n = len(self.images)
        if axes is None:
            figure = pyplot(self).figure(figsize=(max(1.15 * n, 2) + 0.3, 2.5), layout="tight")
            axes = figure.subplots(2, n, squeeze=False)
        self.axes_ = given_axes(self, axes, 2 * n).reshape(2, n)
        self.figure_ = self.axes_[0, 0].figure
        limits = limits_of(self.images)
        for row, pictures in zip(self.axes_, (self.images, self.reconstructions), strict=True):
            for ax, picture in zip(row, pictures, strict=True):
                show_picture(ax, picture, limits, cmap)
        self.axes_[0, 0].set_ylabel("original")
        self.axes_[1, 0].set_ylabel("reconstructed")
        return self
