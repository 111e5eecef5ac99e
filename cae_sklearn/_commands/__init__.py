"""The commands of ``python -m cae_sklearn``. They print; the library does not."""
