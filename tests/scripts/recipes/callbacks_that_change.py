"""Change the learning rate and the weight of a loss by callbacks, and keep what they record."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(58)
rng = np.random.default_rng(58)
x = rng.random((128, 8)).astype("float32")
y = x[:, :1] ** 2 - x[:, 1:2]


class Penalty(layers.Layer):
    """Add a loss on the activity, whose weight callbacks set."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.strength = self.add_weight(shape=(), initializer="zeros", trainable=False, name="strength")

    def call(self, inputs):
        self.add_loss(self.strength * ops.mean(ops.square(inputs)))
        return inputs


class Annealing(keras.callbacks.Callback):
    """Raise the weight of the penalty before each batch, and set the rate at an epoch."""

    def __init__(self, slow_from):
        super().__init__()
        self.slow_from = slow_from

    def on_train_batch_begin(self, batch, logs=None):
        penalty = self.model.get_layer("penalty")
        penalty.strength.assign(ops.minimum(penalty.strength + 0.01, 0.1))

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.slow_from:
            self.model.optimizer.learning_rate = 0.02


def rate(epoch, rate):
    """Halve the rate from the second epoch on."""
    return rate if epoch < 1 else rate * 0.5


model = keras.Sequential(
    [
        keras.Input((8,)),
        layers.Dense(10, activation="relu", name="first"),
        Penalty(name="penalty"),
        layers.GaussianNoise(0.05),
        layers.Dense(1),
    ]
)
model.compile(keras.optimizers.SGD(0.2, momentum=0.5), loss="mse", metrics=["mse"])
kernels, ends = [], []
with tempfile.TemporaryDirectory() as folder:
    log = Path(folder) / "log.csv"
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=3,
        callbacks=[
            keras.callbacks.LearningRateScheduler(rate),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: kernels.append(model.get_layer("first").get_weights()[0].copy()),
                on_train_end=lambda logs: ends.append(sorted(logs)),
            ),
            keras.callbacks.CSVLogger(log),
        ],
        verbose=0,
    )
    assert len(log.read_text("utf-8").splitlines()) == 4
    assert np.allclose(history.history["learning_rate"], [0.2, 0.1, 0.05])
    model.fit(x, y, batch_size=16, epochs=3, callbacks=[Annealing(slow_from=2)], verbose=0)
    model.fit(
        x, y, batch_size=32, epochs=2, callbacks=[keras.callbacks.BackupAndRestore(Path(folder) / "b")], verbose=0
    )
assert not np.array_equal(kernels[0], kernels[1])
assert len(ends) == 1
model.evaluate(x, y, verbose=0)
