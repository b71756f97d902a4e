"""The built-in workloads, and their data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

QUICK_STEPS = 100


@dataclass(frozen=True)
class Workload:
    """A model and the size of its data.

    Attributes:
        name: as in `--workload`; for a model of the user's, the file and the function.
        model: the model of `contenders.keras_models`; "" for one of the user's.
        batch_size: samples per step.
        rows, test_rows: samples of an epoch, and of evaluation and prediction; 0 for all that there are.
        dropout: the rate of the dropout layers.
    """

    name: str
    model: str = ""
    batch_size: int = 32
    rows: int = 0
    test_rows: int = 0
    dropout: float = 0.0

    def limited(self, rows: int | None) -> "Workload":
        """Return the workload with at most so many rows of each kind; by default those of 100 steps."""
        most = rows or QUICK_STEPS * self.batch_size
        return replace(self, rows=min(self.rows, most), test_rows=min(self.test_rows, most))


WORKLOADS: Mapping[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload("mlp", "mlp", 32, 20_000, 10_000, 0.2),
        Workload("mlp-128", "mlp", 128, 20_000, 10_000, 0.2),
        Workload("mlp-1024", "mlp", 1024, 20_000, 10_000, 0.2),
        Workload("cnn", "cnn", 64, 6_400, 2_560, 0.5),
        Workload("lstm", "lstm", 32, 3_200, 1_600),
        Workload("transformer", "transformer", 32, 3_200, 1_600, 0.1),
        Workload("autoencoder", "autoencoder", 32, 20_000, 10_000),
    )
}


@dataclass(frozen=True)
class Data:
    """Arrays of a workload; `y` and `y_test` are None if the targets are the inputs."""

    x: Any
    y: Any
    x_test: Any
    y_test: Any

    def with_targets(self) -> "Data":
        """Return the data as `fit` takes it: the inputs twice where they are the targets."""
        return self if self.y is not None else Data(self.x, self.x, self.x_test, self.x_test)


def load_data(workload: Workload, path: str = "") -> Data:
    """Return the data of a built-in workload: digits, or sequences for the LSTM.

    Args:
        workload: its sizes; digits are repeated until they are enough.
        path: an .npz file of digits, such as the full MNIST, instead of those that come with kerasbridge.
    """
    if workload.model == "lstm":
        return _sequences(workload.rows, workload.test_rows)
    from kerasbridge import datasets

    digits = datasets.mnist(path or "sample")
    parts = [(digits.x_train, digits.y_train, workload.rows), (digits.x_test, digits.y_test, workload.test_rows)]
    (x, y), (x_test, y_test) = (_digits(workload.model, *part) for part in parts)
    return Data(x, y, x_test, y_test)


def _digits(model: str, images: Any, labels: Any, rows: int) -> tuple[Any, Any]:
    """Return images in the shape that a model takes, with their labels; `rows` of them, or all if it is 0."""
    import numpy as np

    repeats = math.ceil(rows / len(images)) if rows else 1
    x = np.concatenate([images] * repeats)[: rows or None].reshape(-1, 28, 28).astype("float32") / 255
    y = np.concatenate([labels] * repeats)[: rows or None].astype("int32")
    if model == "cnn":
        return x[..., None], y
    if model == "autoencoder":
        return x.reshape(-1, 784), None
    if model == "transformer":
        positions = np.broadcast_to(np.eye(28, dtype="float32"), x.shape)
        return np.concatenate([x, positions], axis=2), y
    return x, y


def _sequences(rows: int, test_rows: int) -> Data:
    """Return random sequences; the class is the position of the largest of ten weighted sums of a sequence."""
    import numpy as np

    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 10))
    x = rng.normal(size=(rows + test_rows, 40, 8)).astype("float32")
    y = (x.sum(axis=1) @ weights).argmax(axis=1).astype("int32")
    return Data(x[:rows], y[:rows], x[rows:], y[rows:])
