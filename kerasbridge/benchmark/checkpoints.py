"""Cost of checkpoints, as a share of the training time at one every 10 seconds.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.checkpoints --megabytes 100

The same model trains alternately with a checkpoint after every epoch and without any. The difference of the times is
the cost of the checkpoints, including what their thread takes away from the training.
"""

import argparse
import json
import statistics
import tempfile
import time
from typing import Any

import numpy as np

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.keras_compat import keras

SECONDS_BETWEEN = 10
CLASSES, FEATURES = 10, 784


def measure(megabytes: float | None, rows: int, rounds: int, epochs: int) -> dict[str, Any]:
    """Return the cost of a checkpoint in milliseconds, and its share at one every 10 seconds.

    Args:
        megabytes: the size of the weights; None for the MLP of the examples.
        rows: the number of training rows.
        rounds: calls of `kb.fit` with and without checkpoints.
        epochs: epochs of a call.
    """
    rng = np.random.default_rng(0)
    x, y = rng.random((rows, FEATURES)).astype("float32"), rng.integers(0, CLASSES, rows)
    model = make_model(megabytes)
    kb.fit(model, x, y, epochs=1, verbose=0)
    costs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            recorded = {"run_dir": f"{folder}/run"}
            without = _seconds(model, x, y, epochs, run_dir=f"{folder}/without")
            costs.append((_seconds(model, x, y, epochs, checkpoint_every="1 epoch", **recorded) - without) / epochs)
    return {
        "backend": engines.current().name,
        "megabytes": round(sum(int(np.prod(weight.shape)) for weight in model.weights) * 4 / 1e6, 1),
        "milliseconds_per_checkpoint": round(1000 * statistics.median(costs), 1),
        "share_at_one_in_10_seconds": round(statistics.median(costs) / SECONDS_BETWEEN, 4),
    }


def make_model(megabytes: float | None) -> keras.Model:
    """Return a compiled classifier: the MLP of the examples, or one with weights of so many megabytes."""
    width = round(megabytes * 1e6 / 4 / (FEATURES + CLASSES)) if megabytes else 128
    layers = [keras.Input((FEATURES,)), keras.layers.Dense(width, activation="relu"), keras.layers.Dropout(0.2)]
    model = keras.Sequential([*layers, keras.layers.Dense(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _seconds(model: keras.Model, x: Any, y: Any, epochs: int, **arguments: Any) -> float:
    start = time.perf_counter()
    kb.fit(model, x, y, epochs=epochs, seed=0, verbose=0, **arguments)
    return time.perf_counter() - start


def main() -> None:
    """Print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float)
    parser.add_argument("--rows", type=int, default=3200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(measure(options.megabytes, options.rows, options.rounds, options.epochs)))


if __name__ == "__main__":
    main()
