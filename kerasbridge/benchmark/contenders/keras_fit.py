"""Training with Keras: `kb.fit` with all that comes with it, and the `fit` of stock Keras with nothing but the loss.

The comparison favours stock Keras: `kb.fit` draws portable random numbers, shows its progress bar and saves the model
after each epoch; `model.fit` does nothing of it. In the first call, which compiles, both do without bar and file.
"""

import contextlib
import io
import tempfile
from pathlib import Path

import keras

from kerasbridge.benchmark.timing import Stopwatch

STEPS_PER_EXECUTION = 50


class StockFit:
    """`model.fit`, `model.evaluate` and `model.predict`."""

    steps_per_execution = 1

    def __init__(self, model, data, batch_size):
        model.steps_per_execution = self.steps_per_execution
        self.model, self.data, self.options = model, data, {"batch_size": batch_size, "verbose": 0}

    def train(self, epochs):
        """Train; return the time of each epoch, and the mean loss of the last one."""
        laps = EpochLaps()
        history = self.model.fit(self.data.x, self.data.y, epochs=epochs, callbacks=[laps], **self.options)
        return laps.laps, history.history["loss"][-1]

    def train_first(self, epochs):
        """Train for the first time, which compiles."""
        return self.train(epochs)

    def evaluate(self):
        """Return the loss on the test data."""
        return self.model.evaluate(self.data.x_test, self.data.y_test, return_dict=True, **self.options)["loss"]

    def predict(self):
        """Return the outputs for the test data."""
        return self.model.predict(self.data.x_test, **self.options)

    def describe(self):
        """Return how the steps were run."""
        return {}


class StockFitInSteps(StockFit):
    """The same with many steps per call of the backend."""

    steps_per_execution = STEPS_PER_EXECUTION


class KerasbridgeFit(StockFit):
    """`kb.fit`, `kb.evaluate` and `kb.predict`."""

    def __init__(self, model, data, batch_size):
        super().__init__(model, data, batch_size)
        self.folder = tempfile.TemporaryDirectory(prefix="kerasbridge-")
        self.params = {}
        self.epoch = 0  # which decides the order of the rows, so that a training continues with the next one

    def train(self, epochs):
        checkpoint = keras.callbacks.ModelCheckpoint(Path(self.folder.name, "last.keras"))
        with contextlib.redirect_stdout(Terminal()):
            return self.fit(epochs, checkpoint, verbose=1)

    def train_first(self, epochs):
        return self.fit(epochs)

    def fit(self, epochs, *callbacks, **options):
        """Train with further callbacks; return the time of each epoch, and the mean loss of the last one."""
        import kerasbridge as kb

        laps = EpochLaps()
        options = {**self.options, **options, "callbacks": [*callbacks, laps]}
        options |= {"initial_epoch": self.epoch, "epochs": self.epoch + epochs}
        history = kb.fit(self.model, self.data.x, self.data.y, seed=0, **options)
        self.params, self.epoch = history.params, self.epoch + epochs
        return laps.laps, history.history["loss"][-1]

    def evaluate(self):
        import kerasbridge as kb

        return kb.evaluate(self.model, self.data.x_test, self.data.y_test, return_dict=True, **self.options)["loss"]

    def predict(self):
        import kerasbridge as kb

        return kb.predict(self.model, self.data.x_test, **self.options)

    def describe(self):
        return {name: self.params[name] for name in ("execution", "fast_paths") if name in self.params}


class EpochLaps(keras.callbacks.Callback):
    """Record the time of each epoch; as the last callback, with the work of the others."""

    def __init__(self):
        super().__init__()
        self.laps = []

    def on_epoch_begin(self, epoch, logs=None):
        self.watch = Stopwatch()

    def on_epoch_end(self, epoch, logs=None):
        self.laps.append(self.watch.lap())


class Terminal(io.StringIO):
    """A stream that counts as a terminal, so that the progress bar is drawn, and keeps nothing."""

    def isatty(self):
        """Return True."""
        return True

    def write(self, text):
        """Drop the text."""
        return len(text)
