"""Training and prediction of Keras networks: a fast loop, Keras's own, and a pool of networks."""
