"""Whether resident memory grows with the epochs of `kb.fit`, over arrays, a generator, and with validation.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.memory

One call of `kb.fit` for each, of many short epochs. The first half warms up; over the rest goes a line. Its slope comes
with an interval of 95 % that allows for neighbouring epochs to be alike; it is within noise where that holds 0.
"""

import argparse
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.benchmark.epochs import compiled_model, digits
from kerasbridge.keras_compat import keras

BATCH_SIZE = 32


class Scales(keras.callbacks.Callback):  # type: ignore[misc]
    """Resident bytes of this process after every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.resident: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Read them."""
        self.resident.append(resident_bytes())


def resident_bytes() -> int:
    """Bytes of this process that lie in main memory; Linux tells."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(epochs: int, rows: int) -> dict[str, Any]:
    """Bytes per epoch of each way of training.

    Args:
        epochs: of each call of `kb.fit`.
        rows: of an epoch.
    """
    x, y = digits("sample", rows)
    steps = -(-rows // BATCH_SIZE)
    ways: dict[str, dict[str, Any]] = {
        "arrays": {"x": x, "y": y},
        "generator": {"x": forever(x, y), "steps_per_epoch": steps},
        "validation": {"x": x, "y": y, "validation_data": (x, y)},
    }
    return {"backend": engines.current().name, **{name: _growth(epochs, **data) for name, data in ways.items()}}


def forever(x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """Batches of the rows, over and over."""
    while True:
        for start in range(0, len(x), BATCH_SIZE):
            yield x[start : start + BATCH_SIZE], y[start : start + BATCH_SIZE]


def slope(values: list[int]) -> tuple[float, float]:
    """The slope of a line through equidistant values, and half the width of its interval of 95 %.

    What lies beside the line is taken as autocorrelated of first order, which leaves fewer values to count on.
    """
    numbers = np.arange(len(values)) - (len(values) - 1) / 2
    by_least_squares = float(numbers @ values / (numbers @ numbers))
    beside = np.asarray(values) - np.mean(values) - by_least_squares * numbers
    variance = float(beside @ beside)
    alike = float(beside[1:] @ beside[:-1]) / variance if variance else 0.0
    counting = max(len(values) * (1 - alike) / (1 + alike), 3.0)
    return by_least_squares, 1.96 * math.sqrt(variance / (counting - 2) / float(numbers @ numbers))


def _growth(epochs: int, **data: Any) -> dict[str, Any]:
    scales = Scales()
    kb.fit(compiled_model("mlp"), batch_size=BATCH_SIZE, epochs=epochs, verbose=0, seed=0, callbacks=[scales], **data)
    settled = scales.resident[epochs // 2 :]
    found, margin = slope(settled)
    return {
        "bytes_per_epoch": round(found),
        "margin": round(margin),
        "within_noise": abs(found) <= margin,
        "grown_bytes": settled[-1] - settled[0],
        "resident_megabytes": round(settled[-1] / 1e6, 1),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--rows", type=int, default=320)
    options = parser.parse_args()
    print(json.dumps(measure(options.epochs, options.rows)))


if __name__ == "__main__":
    main()
