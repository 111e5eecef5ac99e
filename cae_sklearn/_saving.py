"""Which types a file of skops may make when a fitted estimator is loaded."""

TRUSTED = (
    "cae_sklearn._classifier.ElasticNetBNMLPClassifier",
    "cae_sklearn._featurizer.CAEFeaturizer",
    "cae_sklearn._networks.deep.DeepAutoencoder",
    "cae_sklearn._networks.mlp.MLP",
    "cae_sklearn._networks.whitened.WhitenedAutoencoder",
    "cae_sklearn.caching.FitOnceMemory",
)


def trusted_types():
    """Return the types of this package that skops may load, as `skops.io.load` takes them.

    They hold numbers, texts and arrays; loading them runs no code of the file.

    Returns
    -------
    list of str
        The names of the estimators, the descriptions of their networks, and the cache.

    See Also
    --------
    skops.io.get_untrusted_types : What else is in a file, such as callbacks.

    Examples
    --------
    >>> import skops.io
    >>> from cae_sklearn import ElasticNetBNMLPClassifier, trusted_types
    >>> stored = skops.io.dumps(ElasticNetBNMLPClassifier(alpha=0.01))
    >>> skops.io.loads(stored, trusted=trusted_types()).alpha
    0.01
    """
    return list(TRUSTED)
