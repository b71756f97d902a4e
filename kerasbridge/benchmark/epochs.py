"""Seconds per epoch of `kb.fit` against `keras.Model.fit`, in alternation in one process.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.epochs --model mlp --data mnist.npz

Both train the same model from the same weights. Each round is one call of each, with several epochs; the first epoch
of a call, which compiles or warms up, does not count. Compare the ratios: seconds depend on the machine and the day.
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
    """Record the seconds of every epoch but the first."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the stopwatch."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop the stopwatch."""
        if epoch:
            self.seconds.append(time.perf_counter() - self._start)


def compare(model_name: str, data_name: str, rounds: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Return the median times of both, and how many times faster `kb.fit` is.

    Args:
        model_name: "mlp" or "cnn".
        data_name: an argument of `kb.datasets.mnist`.
        rounds: calls of each.
        epochs: epochs of a call; at least 2, since the first does not count.
        rows: the number of training rows.
    """
    x, y = digits(data_name, rows)
    stock, bridge = (compiled_model(model_name) for _ in range(2))
    bridge.set_weights(stock.get_weights())
    stock_watch, bridge_watch = Stopwatch(), Stopwatch()
    history = None
    for _ in range(rounds):
        stock.fit(x, y, epochs=epochs, verbose=0, callbacks=[stock_watch])
        history = kb.fit(bridge, x, y, epochs=epochs, verbose=0, callbacks=[bridge_watch])
    bridge_median, stock_median = statistics.median(bridge_watch.seconds), statistics.median(stock_watch.seconds)
    ratios = [
        stock_time / bridge_time
        for stock_time, bridge_time in zip(stock_watch.seconds, bridge_watch.seconds, strict=True)
    ]
    return {
        "backend": engines.current().name,
        "model": model_name,
        "rows": len(x),
        "execution": history.params["execution"] if history else None,
        "stock_seconds_per_epoch": round(stock_median, 3),
        "kerasbridge_seconds_per_epoch": round(bridge_median, 3),
        "times_faster": round(stock_median / bridge_median, 2),
        "times_faster_min_max": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def digits(name: str, rows: int | None) -> tuple[Any, Any]:
    """Return the first training rows: grey values from 0 to 1, and labels."""
    data = kb.datasets.mnist(name)
    return data.x_train[:rows].astype("float32") / 255, data.y_train[:rows].astype("int32")


def compiled_model(name: str) -> keras.Model:
    """Return the MLP or the CNN, compiled as by the command line."""
    model = getattr(kb.models, name)()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(measure: Callable[..., dict[str, Any]], description: str | None, rounds: int, epochs: int) -> None:
    """Run the command line of a training benchmark: print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mlp", choices=["mlp", "cnn"])
    parser.add_argument("--data", default="sample", help="sample, full or a path")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--rows", type=int, help="number of training rows")
    options = parser.parse_args()
    print(json.dumps(measure(options.model, options.data, options.rounds, options.epochs, options.rows)))


if __name__ == "__main__":
    run(compare, __doc__, rounds=3, epochs=3)
