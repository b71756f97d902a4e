"""Seconds from the shell to a saved model, `kerasbridge train` against the same training in stock Keras, in turn.

    python -m kerasbridge.benchmark.startup --backend jax

Both train on the embedded sample for five epochs, evaluate and save. Compare the ratios.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import Any

from kerasbridge.runtime import backend


def compare(name: str, rounds: int) -> dict[str, Any]:
    """Return the median times of both, and their ratio; a first round of each warms up and does not count.

    Args:
        name: the name of the backend.
        rounds: the number of runs of each, in alternation.
    """
    sample = resources.files("kerasbridge.datasets") / "mnist_sample.npz"
    with resources.as_file(sample) as digits, tempfile.TemporaryDirectory() as folder:
        stock = [sys.executable, "-m", "kerasbridge.benchmark.contenders.stock_keras", str(digits)]
        bridge = [sys.executable, "-m", "kerasbridge", "train", "--overwrite", "--run-dir", str(Path(folder, "run"))]
        pairs = [
            (_seconds(name, [*stock, str(Path(folder, "model.keras"))]), _seconds(name, bridge))
            for _ in range(rounds + 1)
        ][1:]
    stock_median, bridge_median = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    return {
        "backend": name,
        "stock_seconds": round(stock_median, 2),
        "kerasbridge_seconds": round(bridge_median, 2),
        "share_of_stock": round(statistics.median(bridge / stock for stock, bridge in pairs), 2),
    }


def _seconds(name: str, command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=backend.child_environment(name), check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="jax", choices=backend.BACKENDS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(compare(options.backend, options.rounds)))


if __name__ == "__main__":
    main()
