"""The same networks in plain Keras and in PyTorch, from the same kind of first weights."""

import numpy as np


def blobs(n_samples, n_features=256, n_classes=10, seed=0):
    """Return samples around a centre for each class that overlap somewhat."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_samples)
    centres = 0.12 * np.random.default_rng(1).standard_normal((n_classes, n_features))
    X = centres[y] + rng.standard_normal((n_samples, n_features))
    return X.astype(np.float32), y.astype(np.int32)


# -- plain Keras ---------------------------------------------------------------


def keras_mlp(n_features, n_classes, learning_rate=0.001):
    """Return the classifier's network, compiled for `keras.Model.fit`."""
    import keras
    from keras import layers, regularizers

    model = keras.Sequential(
        [
            keras.Input((n_features,)),
            layers.Dense(400, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.5),
            layers.Dense(64, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.5),
            layers.Dense(
                n_classes,
                activation="softmax",
                kernel_regularizer=regularizers.L1L2(5e-5, 5e-5),
            ),
        ]
    )
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    return model


def keras_autoencoder(image_shape, filters, learning_rate=0.001):
    """Return the notebook's autoencoder, compiled, and its encoder."""
    import keras
    from keras import layers

    x = images = keras.Input(image_shape)
    for n_filters in filters:
        x = layers.Conv2D(n_filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    encoder = keras.Model(images, layers.Flatten()(x))
    for n_filters in filters[-2::-1]:
        x = layers.UpSampling2D(2)(x)
        x = layers.Conv2D(n_filters, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(2)(x)
    x = layers.Conv2D(image_shape[-1], 3, padding="same")(x)
    model = keras.Model(images, x)
    model.compile(keras.optimizers.Adam(learning_rate), "mse")
    return model, encoder


class Restart:
    """Put a compiled Keras model back to its first weights; nothing is traced again."""

    def __init__(self, model):
        model.optimizer.build(model.trainable_variables)
        self._variables = [*model.variables]
        self._values = [np.asarray(v) for v in self._variables]

    def __call__(self):
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)


# -- PyTorch -------------------------------------------------------------------


def torch_mlp(n_features, n_classes):
    """Return the classifier's network without its softmax."""
    from torch import nn

    return glorot(
        nn.Sequential(
            nn.Linear(n_features, 400),
            nn.ReLU(),
            nn.BatchNorm1d(400, eps=1e-3),
            nn.Dropout(0.5),
            nn.Linear(400, 64),
            nn.ReLU(),
            nn.BatchNorm1d(64, eps=1e-3),
            nn.Dropout(0.5),
            nn.Linear(64, n_classes),
        )
    )


def torch_autoencoder(n_channels, filters):
    """Return the notebook's autoencoder in the layout channels_last."""
    import torch
    from torch import nn

    parts, sizes = [], [n_channels, *filters]
    for before, after in zip(sizes, sizes[1:], strict=False):
        parts += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    back = [filters[-1], *filters[-2::-1], n_channels]
    for before, after in zip(back, back[1:], strict=False):
        parts += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return glorot(nn.Sequential(*parts[:-1])).to(memory_format=torch.channels_last)


def glorot(module):
    """Draw weights as Keras does: Glorot uniform, biases 0."""
    from torch import nn

    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return module


def torch_train(module, optimizer, loss, X, y, epochs, batch_size):
    """Train with tensors in memory, batches by permutation."""
    import torch

    module.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss(module(X[rows]), y[rows]).backward()
            optimizer.step()
