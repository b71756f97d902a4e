"""Seconds per epoch of `kb.fit` beside `keras.Model.fit`, interleaved in one process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.epochs --model mlp --data mnist.npz

Both train the same model from the same weights. Each round is one call of either, of several epochs; the first epoch
of a call, which compiles or warms up, does not count. Look at the ratio: seconds belong to one machine on one day.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.keras_compat import keras


class Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]
    """The seconds of every epoch but the first."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the watch."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop it."""
        if epoch:
            self.seconds.append(time.perf_counter() - self._start)


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Medians of both, and how many times faster `kb.fit` is.

    Args:
        model_name: "mlp" or "cnn".
        data_name: what `kb.datasets.mnist` takes.
        rounds: calls of each.
        epochs: epochs of a call; at least 2, since the first does not count.
        rows: train on that many rows only.
    """
    x, y = digits(data_name, rows)
    stock, bridge = (compiled_model(model_name) for _ in range(2))
    bridge.set_weights(stock.get_weights())
    stock_watch, bridge_watch = Stopwatch(), Stopwatch()
    history = None
    for _ in range(rounds):
        stock.fit(x, y, epochs=epochs, verbose=0, callbacks=[stock_watch])
        history = kb.fit(bridge, x, y, epochs=epochs, verbose=0, callbacks=[bridge_watch])
    ours, theirs = statistics.median(bridge_watch.seconds), statistics.median(stock_watch.seconds)
    ratios = [a / b for a, b in zip(stock_watch.seconds, bridge_watch.seconds, strict=True)]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": history.params["execution"] if history else None,
        "stock_seconds_per_epoch": round(theirs, 3),
        "kerasbridge_seconds_per_epoch": round(ours, 3),
        "times_faster": round(theirs / ours, 2),
        "times_faster_min_max": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def digits(name: str, rows: int | None) -> tuple[Any, Any]:
    """The first rows to train on: grey values from 0 to 1, and labels."""
    data = kb.datasets.mnist(name)
    return data.x_train[:rows].astype("float32") / 255, data.y_train[:rows].astype("int32")


def compiled_model(name: str) -> keras.Model:
    """The MLP or the CNN, compiled as the command line compiles it."""
    model = getattr(kb.models, name)()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(measure: Callable[..., dict[str, Any]], about: str | None, rounds: int, epochs: int) -> None:
    """The command line of a benchmark of training: prints what it measures as one line of JSON."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mlp", choices=["mlp", "cnn"])
    parser.add_argument("--data", default="sample", help="sample, full or a path")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--rows", type=int, help="train on that many rows only")
    options = parser.parse_args()
    print(json.dumps(measure(options.model, options.data, options.rounds, options.epochs, options.rows)))


if __name__ == "__main__":
    run(compare, __doc__, rounds=3, epochs=3)
