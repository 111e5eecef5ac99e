"""What the notebook found, and the two protocols under which ``reproduce`` runs its approaches.

This package grew out of a notebook that tuned a classifier on features of CIFAR-10 in four ways:

1. a grid over batch size and learning rate with the penalty l1 = l2 = 0.5;
2. the same grid with alpha = 0.5 and rho = 0.5;
3. a Bayesian search over batch size, learning rate, alpha and rho;
4. the same search polished: its best model, with pictures of its predictions.

*Original* does as the notebook did: the encoder keeps its random weights, the test images choose
the setting, alpha is drawn between 0 and 1. *Sound* trains the autoencoder of the package's
defaults, lets a fifth of the training images choose, has much smaller alphas, drawn on a
logarithmic scale, trains 20 epochs at a rate that falls, and looks at the test images once in each
approach, after the choice. The estimators and the pipeline are the same; only parameters differ.
"""

from sklearn.utils import Bunch

from ..search import search_spaces
from ..search._skopt import Categorical, Real

# Its best test accuracy in each approach, the minutes that it took on its machine, and for the
# grids the test accuracy of each batch size and learning rate where it is known.
NOTEBOOK = {
    1: Bunch(
        best=0.2800,
        time="-",
        grid={
            (8, 0.001): 0.2378,
            (8, 0.01): 0.2418,
            (16, 0.001): 0.2594,
            (16, 0.01): 0.2388,
            (32, 0.001): 0.2368,
            (32, 0.01): 0.2548,
            (64, 0.001): 0.0969,
            (64, 0.01): 0.2800,
        },
    ),
    2: Bunch(best=0.3917, time="-", grid={(64, 0.001): 0.3917}),
    3: Bunch(best=0.2610, time="38:45", grid={}),
    4: Bunch(best=0.2806, time="44:06", grid={}),
}
ELSEWHERE = Bunch(best=None, time="-", grid={})  # than on CIFAR-10 there is nothing to compare

# The penalty of the output layer is alpha (l1_ratio |W|_1 + (1 - l1_ratio) |W|_2^2), so that
# l1 = l2 = 0.5 is alpha = 1 with l1_ratio = 0.5. ``epochs=0`` leaves the encoder as it starts.
PROTOCOLS = {
    "original": Bunch(
        chooses="test",
        cae={
            "filters": (64, 32, 16),
            "kernel_size": 3,
            "whiten": False,
            "noise": 0.0,
            "output_size": None,
            "shift": 0.0,
            "n_components": None,
            "epochs": 0,
        },
        clf={"epochs": 100, "decay_fraction": 0.0},
        grid_alphas={1: 1.0, 2: 0.5},
        spaces={
            "clf__batch_size": Categorical([8, 16, 32, 64]),
            "clf__learning_rate": Real(1e-5, 1.0, prior="log-uniform"),
            "clf__alpha": Real(0.0, 1.0),
            "clf__l1_ratio": Real(0.0, 1.0),
        },
    ),
    "sound": Bunch(
        chooses="validation",  # a fifth of the training images
        cae={},
        clf={"epochs": 20},  # few enough for the falling learning rate to reach its end
        grid_alphas={1: 1e-3, 2: 1e-4},
        spaces=search_spaces(),
    ),
}
