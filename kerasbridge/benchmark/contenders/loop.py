"""The frame of the loops written by hand: a whole epoch is timed, with its shuffling and the reading of its loss."""

from kerasbridge.benchmark.timing import timed


class Loop:
    """A training loop in plain JAX, TensorFlow or PyTorch; a subclass trains one epoch and returns its mean loss."""

    def train(self, epochs):
        """Train; return the time of each epoch, and the mean loss of the last one."""
        laps, losses = zip(*(timed(self.epoch) for _ in range(epochs)), strict=True)
        return list(laps), losses[-1]

    def train_first(self, epochs):
        """Train for the first time, which compiles."""
        return self.train(epochs)

    def epoch(self):
        """Train one epoch on shuffled rows; return the mean loss, after the accuracy was computed too."""
        raise NotImplementedError

    def evaluate(self):
        """Return the mean loss on the test data."""
        raise NotImplementedError

    def predict(self):
        """Return the outputs for the test data, as an array of NumPy."""
        raise NotImplementedError
