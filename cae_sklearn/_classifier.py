"""The classifier: a multilayer perceptron with an elastic-net penalty on its output."""

from functools import partial
from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import get_scorer_names

from ._base import COUNT, LARGEST, NetworkEstimator, all_or_nothing, check_finite
from ._held_out import held_out_of_each_class, share_to_hold_out, stacked, warn_of_chance
from ._labels import check_classes, class_indices, class_weights, classes_of_parts, weighed
from ._prediction import PredictionMixin
from ._progress import watched
from ._scoring import epoch_scores
from ._sklearn import Interval, StrOptions, _fit_context, validate_parameters
from ._validation import centred_columns, check_samples


class ElasticNetBNMLPClassifier(PredictionMixin, ClassifierMixin, NetworkEstimator):
    r"""Multilayer perceptron with batch normalisation, dropout and an elastic-net output.

    Each hidden layer is Dense, activation, batch normalisation [1]_ and dropout [2]_. The
    output layer is softmax, and its kernel :math:`W` carries the penalty of the elastic
    net [3]_, so that training minimises

    .. math::

        \frac{\sum_i w_i\,\mathrm{CE}(y_i, p_i)}{\sum_i w_i}
        + \alpha\left(\rho \lVert W\rVert_1 + (1-\rho)\lVert W\rVert_2^2\right)

    with :math:`\alpha` = ``alpha`` and :math:`\rho` = ``l1_ratio``. (scikit-learn's
    :class:`~sklearn.linear_model.ElasticNet` halves the second term.) The steps of
    the optimizer, by default Adam [4]_, are followed by the proximal step of the L1 norm [5]_:
    weights become exactly zero. All steps of an epoch run in one compiled function that serves
    every candidate and every fold of a search.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, int or str, default=(400, 64)
        Units of each hidden layer. The string ``"400-64"`` means ``(400, 64)``;
        ``BayesSearchCV`` can search strings, not tuples. With ``()`` or ``""`` there is no
        hidden layer: the classifier is softmax regression with an elastic net, and
        ``activation``, ``dropout_rate`` and ``batch_norm`` have nothing to act on.
    activation : str, default="relu"
        Activation of the hidden layers: ``"relu"``, ``"elu"``, ``"gelu"``, ``"leaky_relu"``,
        ``"selu"``, ``"silu"``, ``"tanh"``, ``"sigmoid"`` or ``"linear"``.
    dropout_rate : float in [0, 1), default=0.5
        Share of the units of each hidden layer that a training step leaves out, applied
        to one part in 256.
    batch_norm : bool, default=True
        Whether batch normalisation follows each activation.
    alpha : float >= 0, default=1e-4
        Strength of the penalty. Search it on a log scale, 1e-6 to 1e-1.
    l1_ratio : float in [0, 1], default=0.5
        Share of the L1 norm in the penalty (rho).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with ``sample_weight``.
    epochs : int >= 1, default=100
        The most passes over the training samples.
    batch_size : int >= 1, default=64
        Samples per step. A last batch of a single sample joins the one before.
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
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out ``validation_fraction`` of the training samples (stratified,
        shuffled), stop when their loss no longer falls, and take the weights of its
        minimum. ``"auto"`` does so with more than 10,000 samples, if at least 100 are held
        out, and 10 for each class on average. With fewer, all of them train for all epochs.
    validation_fraction : float in (0, 1), default=0.1
        Share of the samples held out for early stopping.
    n_iter_no_change : int >= 1 or inf, default=10
        Epochs without improvement before training stops.
    tol : float >= 0, default=0.0
        The least fall of the validation loss that counts as an improvement. Without validation,
        a ``tol`` above 0 is that of the training loss, and training stops on it likewise.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights and optimizer state of the last fit, with some
        or all of its classes.
    random_state : int, RandomState instance or None, default=None
        Seeds all that is random, without touching global state; None takes fresh entropy.
    verbose : bool or int, default=0
        Whether to print a line for each epoch, with its losses and the seconds left.
    scoring : str, callable or None, default=None
        Score of each epoch, as for ``GridSearchCV``: ``"accuracy"`` logs ``accuracy`` and, of
        the samples held out, ``val_accuracy``, which callbacks find; a callable logs ``score``.
        It takes a prediction of all samples an epoch.
    callbacks : keras.callbacks.Callback, list of them or None, default=None
        Copied for each fit; ``callbacks_`` are the copies. They find ``loss`` and, with early
        stopping, ``val_loss``. The outputs of their ``self.model`` are logits. Hooks on batches
        make training use Keras's own, slower loop.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    output_coef_ : ndarray of shape (n_classes, n_hidden)
        Weights of the output layer: ``n_hidden`` is the number of units of the last hidden
        layer, or of features where there is none.
    output_intercept_ : ndarray of shape (n_classes,)
        Biases of the output layer.
    sparsity_ : float in [0, 1]
        Share of the weights in ``output_coef_`` that are exactly zero.
    inactive_units_ : ndarray of shape (n_inactive,)
        Indices of the units of the last hidden layer whose outgoing weights are all zero: no
        prediction depends on them. Without hidden layers they are indices of features, and
        ``feature_names_in_[inactive_units_]`` are their names.
    history_ : dict of str to list of float
        ``loss``, with early stopping ``val_loss``, the scores of ``scoring``, and what callbacks
        log, per epoch.
    loss_curve_, validation_loss_curve_ : list of float
        The two losses of ``history_``.
    loss_, best_loss_ : float
        Training loss of the last epoch, and the least of all.
    best_validation_score_ : float or None
        Accuracy of the samples held out for early stopping, with the weights of the best epoch;
        None without validation.
    n_iter_ : int
        Epochs run, those before a warm start included.
    callbacks_ : list of keras.callbacks.Callback
        The copies of ``callbacks`` that watched the last fit. They are not saved.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X had some.
    model_ : keras.Model
        A copy of the network: features to probabilities.

    See Also
    --------
    CAEFeaturizer : Learns features of images for this classifier.
    sklearn.neural_network.MLPClassifier : Without batch normalisation and dropout.

    References
    ----------
    .. [1] Ioffe & Szegedy (2015), Batch normalization, :arxiv:`1502.03167`.
    .. [2] Srivastava et al. (2014), Dropout, JMLR 15, 1929-1958.
    .. [3] Zou & Hastie (2005), Regularization and variable selection via the elastic
       net, :doi:`10.1111/j.1467-9868.2005.00503.x`.
    .. [4] Kingma & Ba (2015), Adam, :arxiv:`1412.6980`.
    .. [5] Yun, Lozano & Yang (2021), Adaptive proximal gradient methods for structured
       neural networks, :arxiv:`2007.07484`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from cae_sklearn import ElasticNetBNMLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = ElasticNetBNMLPClassifier(epochs=20, random_state=0).fit(X[:1200] / 16, y[:1200])
    >>> clf.score(X[1200:] / 16, y[1200:]) > 0.9
    True
    """

    _parameter_constraints = {
        **NetworkEstimator._parameter_constraints,
        "hidden_layer_sizes": ["array-like", COUNT, str],
        "dropout_rate": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, LARGEST, closed="both")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(400, 64),
        *,
        activation="relu",
        dropout_rate=0.5,
        batch_norm=True,
        alpha=1e-4,
        l1_ratio=0.5,
        class_weight=None,
        epochs=100,
        batch_size=64,
        learning_rate=0.001,
        decay_fraction=0.5,
        optimizer="adam",
        momentum=0.9,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=0.0,
        warm_start=False,
        random_state=None,
        verbose=0,
        scoring=None,
        callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout_rate = dropout_rate
        self.batch_norm = batch_norm
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.class_weight = class_weight
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
        self.scoring = scoring
        self.callbacks = callbacks

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    # -- fitting ---------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features. Scale them to about unit variance; `CAEFeaturizer` does. Only columns far
            from zero for how little they vary, such as constants, are centred here. Sparse ones
            are made dense a batch at a time.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of two or more classes, of any type; or, multilabel, zeros and ones.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0. A sample of weight zero is as if it were not there.
        X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
            Samples for early stopping, in place of ``validation_fraction``. A Pipeline
            transforms them with ``transform_input=["X_val"]``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For bad data or parameters, with one class only, or when a class is too small
            for the split of ``early_stopping=True``; the estimator is then what it was before.

        Warns
        -----
        ConvergenceWarning
            When the loss is no longer finite. The last finite weights are put back.
        UserWarning
            When early stopping takes the first epoch, or holds few out; when Ctrl-C ends the
            training, of which what was learned so far is kept.
        """
        followed = watched(self, X, y, sample_weight, n_epochs=self.epochs)
        with followed, all_or_nothing(self):
            resume, seeds = self._continues(), self._seeds()
            X, y, weight = check_samples(self, X, y, sample_weight, reset=not resume)
            classes = check_classes(y)
            y = self._encode(y, self.classes_ if resume else classes)
            X, y, weight = self._weighed(X, y, weight, resume)
            X, offset = centred_columns(X, self._weights if resume else None)
            network = self._describe(X, y, resume)
            validation = self._validation(X_val, y_val, sample_weight_val, offset, y.ndim == 2)
            samples, held_out = self._held_out((X, y, weight), validation, seeds)
            settings = {"prior": {"y": y, "sample_weight": weight}, "held_out": held_out}
            weights = self._train_on(samples, offset, network, seeds, resume, **settings)
            self._keep(network, weights)
            self.best_validation_score_ = self._accuracy(*samples, held_out)
            if held_out is not None:
                losses, patience = self.validation_loss_curve_, self.n_iter_no_change
                warn_of_chance(losses, len(held_out), patience, type(self).__name__)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on for one epoch over these samples, without validation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, as for `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For bad data or parameters, and for ``class_weight="balanced"``: a part of the
            samples does not tell how many there are of each class.
        """
        validate_parameters(self)
        with watched(self, X, y, sample_weight, n_epochs=1), all_or_nothing(self):
            resume, seeds = hasattr(self, "_learned"), self._seeds()
            X, y, weight = check_samples(self, X, y, sample_weight, reset=not resume)
            known = self.classes_ if resume else None
            y = self._encode(y, classes_of_parts(classes, known, self.class_weight))
            X, y, weight = self._weighed(X, y, weight, resume)
            X, offset = centred_columns(X, self._weights if resume else None)
            network = self._describe(X, y, resume)
            samples, settings = (X, y, weight), {"keep_state": True, "epochs": 1}
            weights = self._train_on(samples, offset, network, seeds, resume, **settings)
            self._keep(network, weights)
            self.best_validation_score_ = None
        return self

    def _encode(self, y, classes):
        """Return indices of classes, which become ``classes_``."""
        self.classes_ = classes
        return class_indices(y, classes)

    def _weighed(self, X, y, weight, resume):
        """Return the samples of positive weight, and their weights, 1 on average, or None."""
        before = self._weight_total if resume else 0.0
        *samples, self._weight_total = weighed(X, y, weight, self._weight_of_class(), before)
        return samples

    def _weight_of_class(self):
        """Return the function from targets to the weights that these bring, None for none."""
        if self.class_weight is None:
            return None
        return partial(class_weights, self.class_weight, self.classes_)

    def _validation(self, X, y, weight, offset, multilabel):
        """Return the user's own validation set as samples, targets and weights, or None."""
        if X is None and y is None and weight is None:
            return None
        if X is None or y is None or not self.early_stopping:
            raise ValueError(
                "X_val and y_val, and sample_weight_val with them, are used by early stopping, but "
                f"early_stopping={self.early_stopping!r}, X_val is{' not' * (X is not None)} None "
                f"and y_val is{' not' * (y is not None)} None. Give both, or none of the "
                "validation set."
            )
        X, y, weight = check_samples(self, X, y, weight, reset=False)
        if (y.ndim == 2) != multilabel:
            raise ValueError(
                f"y_val must be of the kind of y, but has the shape {y.shape} while y is "
                f"{'a matrix of zeros and ones' if multilabel else 'a label for each sample'}."
            )
        y = class_indices(y, self.classes_, "y_val")
        X, y, weight, _ = weighed(X, y, weight, self._weight_of_class(), 0.0)
        return centred_columns(X, offset)[0], y, weight

    def _held_out(self, samples, validation, seeds):
        """Return all samples, and the indices of those for early stopping, None for none."""
        if validation is not None:
            return stacked(samples, validation)
        _, y, _ = samples
        share = share_to_hold_out(y, self.early_stopping, self.validation_fraction)
        return samples, held_out_of_each_class(y, share, seeds["split"], self.classes_)

    def _describe(self, X, y, resume):
        """Return the network for these samples."""
        from ._networks.mlp import MLP

        network = MLP.for_features(
            X.shape[1],
            len(self.classes_),
            hidden_layer_sizes=self.hidden_layer_sizes,
            activation=self.activation,
            batch_norm=self.batch_norm,
            multilabel=y.ndim == 2,
        )
        if resume:
            self._check_same_network(network)
        return network

    def _train_on(self, samples, offset, network, seeds, resume, prior=None, **settings):
        """Train on samples less ``offset``; return the weights, and the offset among them.

        The biases begin with what ``prior`` tells of the shares of the classes.
        """
        from ._networks.dense import elastic_net
        from ._training.layer_kinds import applicable_rate
        from ._training.scikeras import fit_keras_classifier

        X, y, weight = samples

        def learned(weights, offset=offset):
            return {"_learned": (network, {**weights, **offset}, self.classes_)}

        of_centred = partial(learned, offset={})
        weights, _ = self._train(
            network,
            X,
            y,
            seeds=seeds,
            start=partial(network.start, **(prior or {})),
            hyper={
                "dropout_rate": applicable_rate(self.dropout_rate),
                **elastic_net(self.alpha, self.l1_ratio),
            },
            resume=resume,
            fit=fit_keras_classifier,
            sample_weight=weight,
            learned=learned,
            scores_of=epoch_scores(self, of_centred, X, y, settings.get("held_out")),
            **settings,
        )
        return {**weights, **offset}

    def _keep(self, network, weights):
        """Set what the methods after fit need."""
        check_finite(weights, type(self).__name__)
        self._learned = network, weights, self.classes_
        kernel = weights["output/kernel"]
        self.output_coef_ = kernel.T.copy()
        self.output_intercept_ = weights["output/bias"].copy()
        if "offset" in weights and not network.hidden_layer_sizes:
            self.output_intercept_ = self.output_intercept_ - weights["offset"] @ kernel
        self.sparsity_ = float(np.mean(kernel == 0))
        self.inactive_units_ = np.flatnonzero(~kernel.any(axis=1))
