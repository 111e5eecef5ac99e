"""The featurizer: features of a convolutional autoencoder."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._arrays.pieces import Earlier, first_samples
from ._arrays.progress import stage
from ._arrays.resizing import held, resized
from ._arrays.streaming import centred, drawn, shifted
from ._base import COUNT, LARGEST, MOST, NetworkEstimator, all_or_nothing, check_finite
from ._held_out import held_out_share
from ._progress import watched
from ._reconstruction import ReconstructionMixin
from ._sklearn import Interval, StrOptions, _fit_context, validate_parameters
from ._validation import check_images

N_STAGES = 12  # of a fit, at most: those in _networks, the epochs, resizing and reconstruction
FLIPS = {"horizontal", "vertical", "horizontal_and_vertical"}


class CAEFeaturizer(
    ReconstructionMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, NetworkEstimator
):
    r"""Features of a convolutional autoencoder, learned from images without labels.

    By default the autoencoder has one wide layer. The contrast of each patch is
    normalised, a fixed convolution learned from the data whitens it [1]_, and encoder
    and decoder are trained to restore whitened patches :math:`z` from noisy ones [2]_:

    .. math::

        \min_{W, b, D, c}\;\mathbb{E}\,\lVert D\,\mathrm{relu}(W(z+\sigma\varepsilon)+b)+c-z
        \rVert^2,\qquad \varepsilon\sim\mathcal{N}(0, I),\ \sigma = \mathtt{noise}.

    The filters start as patches of the images with a soft threshold [3]_. A feature is
    the root of the mean or the largest activation of a filter in a cell of a grid over the
    image, or over the whole image, the top of a pyramid [6]_; each cell also has its mean
    colour and its log contrast. The fewer the images, the more the whole image weighs. Last,
    a linear denoising autoencoder in closed form [4]_ replaces them by what they tell of the
    image however it is shifted (and, with ``flip``, mirrored): the ridge regression of the
    features of an image on those of a shifted view. All features are scaled to mean 0 and
    variance 1 over the training images. With ``whiten=False`` the autoencoder is deep instead [5]_:
    convolution, activation and 2x2 max pooling for each number of ``filters``, and a
    mirrored decoder. The stages after it are the same; with ``shift=0``, ``flip=None`` and
    ``n_components=None`` the features of a deep one are its activations as they are.

    Images of any height and width are read; large ones are averaged to about
    ``resolution`` ** 2 pixels first. Those of one row (or column) of at most 256 numbers may
    be rows of a table: each number is standardised by itself, each filter sees the whole row,
    and the features hold the standardised row too. The features do not
    change when the input is rescaled, say from 0..255 to 0..1. Batches are cast as they
    stream: a memory-mapped array larger than the memory can be fitted and transformed. Of more
    than 50,000 images, as many drawn ones are learned from with ``whiten=True``.

    Parameters
    ----------
    filters : int, tuple of int or str, default=160
        Filters of each layer: a deep autoencoder takes any, ``(64, 32, 16)`` or, for
        ``BayesSearchCV``, ``"64-32-16"``. ``whiten=True`` takes one number, or two: the second is
        that of a convolutional kernel network [7]_ that looks at the image beside the first layer.
    resolution : int >= 1 or None, default=32
        Images of more pixels are averaged to about ``resolution`` ** 2 pixels, with the ratio
        of their sides, if these are over 1.25 times as long. None keeps their size.
    kernel_size : int or (int, int), default=6
        Height and width of the filters in pixels. With ``whiten=True``, at most half of
        the image, rounded up; rows of at most 256 numbers are taken whole.
    whiten : bool, default=True
        Whether patches are normalised and whitened.
    noise : float >= 0, default=0.5
        Standard deviation of the Gaussian noise while training, in units of the
        standardised (whitened) input.
    output_size : int, (int, int) or None, default=3
        Rows and columns of the grid over which activations are pooled. With ``whiten=True``
        the whole image is pooled as well. None keeps the whole map.
    shift : float in [0, 0.5], default=0.125
        The farthest that views are shifted, as a share of height and width, rounded to
        pixels. With 0 pixels and no ``flip`` nothing is denoised. Images of one row or one
        column, which may be those of a table, have no views.
    flip : {"horizontal", "vertical", "horizontal_and_vertical"} or None, default=None
        How views may be mirrored: left to right in photographs, where it mostly helps; not
        at all where it matters, as in text.
    n_components : int >= 1 or None, default=400
        The most features: the first principal components of the (denoised) ones, turned at
        random so that all have about the same variance. ``fit`` takes fewer than there are
        images. With None, or when there are no more, all are kept: for each cell one of each
        filter or, whitened, two, and one of each channel and the contrast. Time and memory
        then grow with the square of their number, at most 20,000.
    shrinkage : float in [0, 1] or "auto", default="auto"
        How far the covariance of the features of views is drawn towards that of unrelated
        ones: 0 hardly (as 0.0001), 1 wholly; ``"auto"`` is d / (d + 5 n) for d features and
        the n images looked at.
    activation : str, default="relu"
        Activation of the encoder, and of the hidden layers of a deep decoder: ``"relu"``,
        ``"elu"``, ``"gelu"``, ``"leaky_relu"``, ``"selu"``, ``"silu"``, ``"tanh"``,
        ``"sigmoid"`` or ``"linear"``.
    batch_norm : bool, default=False
        Whether batch normalisation stands before each activation of the encoder.
    image_shape : (int, int), (int, int, int) or None, default=None
        (H, W) or (H, W, C) of images given as flat rows. With None, a flat row is read as
        a one-dimensional signal (1, n_features, 1).
    epochs : int >= 0, default=5
        Passes over the training images, the most of them with early stopping. With 0 the
        filters stay as they are drawn, to compare with.
    batch_size : int >= 1, default=32
        Images per step.
    learning_rate : float > 0, default=0.001
        Step size of the optimizer; ``"sgd"`` needs a larger one, such as 0.01.
    decay_fraction : float in [0, 1], default=0.5
        Share of ``epochs``, the last, in which the learning rate falls linearly towards
        zero. It falls anew in each ``fit``, and not in ``partial_fit`` or with an own
        optimizer. The factor multiplies what callbacks set between epochs.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"} or keras.optimizers.Optimizer, default="adam"
        The names stand for Keras's optimizers with their default settings. An instance is copied
        for each fit and brings its own learning rate. Plain instances of Adam, SGD and RMSprop run
        as fast as the names; Keras's own, slower loop serves all others.
    momentum : float in [0, 1), default=0.9
        Of ``optimizer="sgd"``; no other has it.
    early_stopping : bool, default=False
        Whether to hold out images, and to take the weights of the least loss of these.
    validation_fraction : float in (0, 1), default=0.1
        Share of the images held out for early stopping.
    n_iter_no_change : int >= 1 or inf, default=10
        Epochs without improvement before training stops.
    tol : float >= 0, default=0.0
        The least fall of the validation loss that counts as an improvement. Without validation,
        a ``tol`` above 0 is that of the training loss, and training stops on it likewise.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights and optimizer state of the last fit.
    random_state : int, RandomState instance or None, default=None
        Seeds all that is random. No global random state is read or changed; None takes
        fresh entropy. An int gives the same bits in any process, for any ``n_jobs``.
    verbose : bool or int, default=0
        Whether to print a line for each stage and epoch, with the seconds left.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Copied for each fit; ``callbacks_`` are the copies. Callbacks with hooks on batches make
        training use Keras's own, slower loop.

    Attributes
    ----------
    image_shape_ : tuple of int
        (H, W, C) of the images.
    filters_ : ndarray of shape (n_filters, height, width, C)
        Filters of the first convolution, as they act on standardised pixels.
    reconstruction_err_ : float
        Mean squared error of reconstruction of (at most 1000) training images.
    history_ : dict of str to list of float
        ``loss``, with early stopping ``val_loss`` (without noise, so it is less), and what
        callbacks log, per epoch. In squared units of the standardised (whitened) input.
    loss_curve_, validation_loss_curve_ : list of float
        The two losses of ``history_``.
    loss_, best_loss_ : float
        Training loss of the last epoch, and the least of all.
    n_iter_ : int
        Epochs run.
    callbacks_ : list of keras.callbacks.Callback
        The copies of ``callbacks`` that watched the last fit. They are not saved.
    n_features_in_ : int
        H * W * C.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the pixels, when X had some.
    encoder_, decoder_, model_ : keras.Model
        Copies of the networks: images to features, features to images, and both.

    See Also
    --------
    ElasticNetBNMLPClassifier : Learns classes from these features.
    sklearn.decomposition.PCA : Linear features.

    References
    ----------
    .. [1] Bell & Sejnowski (1997), The independent components of natural scenes are edge
       filters, :doi:`10.1016/S0042-6989(97)00121-1`.
    .. [2] Vincent et al. (2008), Extracting and composing robust features with denoising
       autoencoders, :doi:`10.1145/1390156.1390294`.
    .. [3] Coates & Ng (2011), The importance of encoding versus training with sparse
       coding and vector quantization, ICML.
    .. [4] Chen et al. (2012), Marginalized denoising autoencoders for domain adaptation,
       :arxiv:`1206.4683`.
    .. [5] Masci et al. (2011), Stacked convolutional auto-encoders for hierarchical
       feature extraction, :doi:`10.1007/978-3-642-21735-7_7`.
    .. [6] Lazebnik, Schmid & Ponce (2006), Beyond bags of features, CVPR,
       :doi:`10.1109/CVPR.2006.68`.
    .. [7] Mairal (2016), End-to-end kernel learning with supervised convolutional kernel
       networks, :arxiv:`1605.06265`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from cae_sklearn import CAEFeaturizer
    >>> images = load_digits().images
    >>> featurizer = CAEFeaturizer(epochs=1, random_state=0).fit(images)
    >>> featurizer.transform(images).shape
    (1797, 400)
    >>> featurizer.inverse_transform(featurizer.transform(images[:5])).shape
    (5, 8, 8)
    """

    _seed_names = ("start", "training", "finish", "split", "drawn")
    _first, _n_seen = None, 0  # images kept while few have come, and how many have

    _parameter_constraints = {
        **NetworkEstimator._parameter_constraints,
        "epochs": [Interval(Integral, 0, MOST, closed="both")],
        "filters": ["array-like", COUNT, str],
        "kernel_size": ["array-like", COUNT],
        "resolution": [COUNT, None],
        "whiten": ["boolean"],
        "noise": [Interval(Real, 0, LARGEST, closed="both")],
        "output_size": ["array-like", COUNT, None],
        "shift": [Interval(Real, 0, 0.5, closed="both")],
        "flip": [StrOptions(FLIPS), None],
        "n_components": [COUNT, None],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "image_shape": ["array-like", None],
    }

    def __init__(
        self,
        filters=160,
        *,
        resolution=32,
        kernel_size=6,
        whiten=True,
        noise=0.5,
        output_size=3,
        shift=0.125,
        flip=None,
        n_components=400,
        shrinkage="auto",
        activation="relu",
        batch_norm=False,
        image_shape=None,
        epochs=5,
        batch_size=32,
        learning_rate=0.001,
        decay_fraction=0.5,
        optimizer="adam",
        momentum=0.9,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=0.0,
        warm_start=False,
        random_state=None,
        verbose=0,
        callbacks=None,
    ):
        self.filters = filters
        self.resolution = resolution
        self.kernel_size = kernel_size
        self.whiten = whiten
        self.noise = noise
        self.output_size = output_size
        self.shift = shift
        self.flip = flip
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.activation = activation
        self.batch_norm = batch_norm
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.decay_fraction = decay_fraction
        self.optimizer = optimizer
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.callbacks = callbacks

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    # -- fitting ---------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the autoencoder.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images, of any numeric dtype; uint8 takes the least memory.
        y : ignored
            There for the pipeline.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            For bad images or parameters; the estimator is then what it was before.

        Warns
        -----
        ConvergenceWarning
            When the loss is no longer finite. The last finite weights are put back.
        UserWarning
            When Ctrl-C ends the training. What was learned so far is kept.
        """
        with watched(self, X, n_stages=N_STAGES), all_or_nothing(self):
            self._learn(X, self._continues(), more=False)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Go on for one epoch over these images.

        Until 300 images have come, copies of all are kept (in files of the estimator, too), and
        each call learns anew from them: small pieces teach what one piece would. Then
        normalisation, whitening and denoising stay. Scale of the features and reconstruction go
        on with the images of each call; those of all calls before count for at most 3,000.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images.
        y : ignored
            There for the pipeline.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        validate_parameters(self)
        with watched(self, X, n_stages=N_STAGES), all_or_nothing(self):
            self._learn(X, hasattr(self, "_learned"), more=True)
        return self

    def _learn(self, X, resume, more):
        """Train on images, of which more may come, and learn what follows in closed form."""
        seeds = self._seeds()
        full = check_images(self, X, reset=not resume)
        network, views = self._describe(full, resume, more)
        full, offset = centred(full, self._weights if resume else None)
        images = drawn(full, network.most_images, seeds["drawn"])
        images = held(resized(images, network.image_shape[:2]))
        first, self._first, earlier = self._first, None, None
        if not more:
            share = self.validation_fraction if self.early_stopping else None
            settings = {"held_out": held_out_share(len(images), share, seeds["split"])}
        elif resume and first is None:
            earlier = Earlier(self._weights, self._n_seen)
            settings = {"keep_state": True, "epochs": 1}
        else:
            images, self._first = first_samples(first, images)
            settings = {"keep_state": True, "epochs": 1, "anew": True}
        settings |= {"start": partial(network.start, images=images), "hyper": {"noise": self.noise}}
        weights, diverged = self._train(network, images, seeds=seeds, resume=resume, **settings)
        if diverged and resume:  # what such images would teach is no use to those before
            weights, self._first = self._weights, first
        else:
            weights = network.finish(weights, images, views, seeds["finish"], earlier)
            self._n_seen = len(images) + (earlier.n_samples if earlier else 0)
        layout = (X if hasattr(X, "shape") else np.asarray(X)).shape[1:]
        self._keep(network, {**weights, **offset}, full, layout)

    def _describe(self, images, resume, more):
        """Return the network for images, of which more may come, and the views that denoise."""
        from ._networks.choice import STAGES, autoencoder_for

        settings = {name: getattr(self, name) for name in STAGES}
        if not resume:
            self._n_images = None if more else len(images)
        network, views = autoencoder_for(images.shape[1:], self._n_images, **settings)
        if resume:
            self._check_same_network(network)
        return network, views

    def _keep(self, network, weights, images, layout):
        """Set what the methods after fit need; ``layout`` is the shape of an image in X."""
        check_finite(weights, type(self).__name__)
        self.image_shape_ = tuple(int(n) for n in images.shape[1:])
        self._learned = network, weights, tuple(map(int, layout))
        some = slice(None, None, max(1, len(images) // 500))
        with stage("reconstruction"):
            errors = network.reconstruction_errors(weights, images[some])
        self.reconstruction_err_ = float(errors.mean())

    @property
    def _n_features_out(self):
        return self._network.n_features

    # -- use ---------------------------------------------------------------------

    def transform(self, X):
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images of the size seen in fit.

        Returns
        -------
        ndarray of shape (n, n_features_out), float32
            A row of features for each image.
        """
        check_is_fitted(self)
        network, weights, _ = self._learned
        images = check_images(self, X, reset=False)
        return network.encode(weights, shifted(images, weights.get("offset")))
