"""Growth of resident memory over the epochs of `kb.fit`, with arrays, a generator, and validation.

    KERAS_BACKEND=torch python -m kerasbridge.benchmark.memory

Each is one call of `kb.fit` with many short epochs. The first half warms up; a line is fitted to the rest. The 95 %
interval of its slope takes the autocorrelation of the epochs into account; growth is noise if it contains 0.
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
from kerasbridge.benchmark.costs import compiled_model, digits
from kerasbridge.keras_compat import keras

BATCH_SIZE = 32


class MemoryRecorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Record the resident bytes of this process after every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.resident: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the resident bytes."""
        self.resident.append(resident_bytes())


def resident_bytes() -> int:
    """Return the resident bytes of this process, from the Linux /proc file system."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(epochs: int, rows: int) -> dict[str, Any]:
    """Measure the growth per epoch for each kind of training.

    Args:
        epochs: epochs of each call of `kb.fit`.
        rows: rows per epoch.
    """
    x, y = digits("sample", rows)
    steps = -(-rows // BATCH_SIZE)
    cases: dict[str, dict[str, Any]] = {
        "arrays": {"x": x, "y": y},
        "generator": {"x": forever(x, y), "steps_per_epoch": steps},
        "validation": {"x": x, "y": y, "validation_data": (x, y)},
    }
    return {"backend": engines.current().name, **{name: _growth(epochs, **data) for name, data in cases.items()}}


def forever(x: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """Yield batches of the rows, endlessly."""
    while True:
        for start in range(0, len(x), BATCH_SIZE):
            yield x[start : start + BATCH_SIZE], y[start : start + BATCH_SIZE]


def slope(values: list[int]) -> tuple[float, float]:
    """Return the slope of a line through equidistant values, and half the width of its 95 % interval.

    First-order autocorrelation of the residuals reduces the effective number of values.
    """
    positions = np.arange(len(values)) - (len(values) - 1) / 2
    least_squares = float(positions @ values / (positions @ positions))
    residuals = np.asarray(values) - np.mean(values) - least_squares * positions
    variance = float(residuals @ residuals)
    correlation = float(residuals[1:] @ residuals[:-1]) / variance if variance else 0.0
    effective = max(len(values) * (1 - correlation) / (1 + correlation), 3.0)
    return least_squares, 1.96 * math.sqrt(variance / (effective - 2) / float(positions @ positions))


def _growth(epochs: int, **data: Any) -> dict[str, Any]:
    recorder = MemoryRecorder()
    kb.fit(compiled_model("mlp"), batch_size=BATCH_SIZE, epochs=epochs, verbose=0, seed=0, callbacks=[recorder], **data)
    resident = recorder.resident[epochs // 2 :]
    growth, margin = slope(resident)
    return {
        "bytes_per_epoch": round(growth),
        "margin": round(margin),
        "within_noise": abs(growth) <= margin,
        "grown_bytes": resident[-1] - resident[0],
        "resident_megabytes": round(resident[-1] / 1e6, 1),
    }


def main() -> None:
    """Print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--rows", type=int, default=320)
    options = parser.parse_args()
    print(json.dumps(measure(options.epochs, options.rows)))


if __name__ == "__main__":
    main()
