"""Train an MLP with dropout, on the workers of a launcher or alone."""

import random

import numpy as np

import kerasbridge as kb
from kerasbridge.keras_compat import keras

ROWS, BATCH_SIZE = 205, 16


def build(dropout=0.2):
    """Return a compiled model, with the same weights on each worker."""
    layers = [
        keras.Input((12,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(4, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    kb.reinitialize(model, 3)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(rows=ROWS):
    """Return the same rows at every call."""
    rng = np.random.default_rng(0)
    return rng.random((rows, 12)).astype("float32"), rng.integers(0, 4, rows)


def train(model, **arguments):
    """Train, and return what is to be equal on every number of workers."""
    defaults = {"batch_size": BATCH_SIZE, "epochs": 2, "validation_split": 0.2, "seed": 1, "verbose": 0}
    history = kb.fit(model, *data(), **{**defaults, **arguments})
    return {"history": history.history, "params": history.params, "weights": weights_of(model)}


def weights_of(model):
    """Return all variables of a model and its optimizer in one array."""
    variables = [*model.variables, *model.optimizer.variables]
    return np.concatenate([np.ravel(keras.ops.convert_to_numpy(each.value)) for each in variables]).astype("float64")


if __name__ == "__main__":
    from tests.distributed.workers import report

    random.seed()  # as in processes that know nothing of each other
    report(train(build()))
