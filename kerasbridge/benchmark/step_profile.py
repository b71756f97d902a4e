"""Profile of a step: the MLP of the benchmarks, and the same without one of its parts, in alternation.

    python -m kerasbridge.benchmark.step_profile --backend torch

One process per backend. The difference of two rows is the cost of a part where it matters, in the compiled step: its
operations, and the time in which they wait for each other. An empty model shows what the loop itself costs.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from kerasbridge.benchmark.child import run_child
from kerasbridge.benchmark.table import number, table
from kerasbridge.parity.workers import check_backends
from kerasbridge.runtime import subprocesses

BATCH_SIZE = 32
STEPS, ROUNDS = 1000, 5


@dataclass(frozen=True)
class Variant:
    """The MLP as in `kerasbridge bench`, or without a part of it."""

    layers: int = 128
    dropout: float = 0.2
    optimizer: str = "adam"
    metrics: tuple[str, ...] = ("accuracy",)

    def build(self) -> Any:
        """Return the compiled model."""
        from kerasbridge.keras_compat import keras

        layers = [keras.layers.Dense(self.layers, activation="relu")] if self.layers else []
        dropout = [keras.layers.Dropout(self.dropout)] if self.dropout else []
        features = 784 if self.layers else 1
        model = keras.Sequential([keras.Input((features,)), *layers, *dropout, keras.layers.Dense(10, "softmax")])
        model.compile(self.optimizer, "sparse_categorical_crossentropy", metrics=list(self.metrics))
        return model


VARIANTS: Mapping[str, Variant] = {
    "whole step": Variant(),
    "without the accuracy": Variant(metrics=()),
    "without dropout": Variant(dropout=0.0),
    "SGD for Adam": Variant(optimizer="sgd"),
    "none of these": Variant(dropout=0.0, optimizer="sgd", metrics=()),
    "20 weights, none of these": Variant(layers=0, dropout=0.0, optimizer="sgd", metrics=()),
}


def measure(steps: int = STEPS, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the microseconds of a step of each variant: the median over rounds, which take turns.

    Args:
        steps: the steps of an epoch.
        rounds: trainings that count; the first one of each variant, which compiles, does not.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, steps * BATCH_SIZE).astype("int32")
    x = rng.random((len(y), 784), "float32")
    runs = {name: _epochs(variant.build(), x if variant.layers else x[:, :1], y) for name, variant in VARIANTS.items()}
    samples = [{name: run() for name, run in runs.items()} for _ in range(rounds + 1)][1:]
    return {name: median(1e6 * sample[name] / steps for sample in samples) for name in runs}


def _epochs(model: Any, x: Any, y: Any) -> Callable[[], float]:
    """Return a function that trains two epochs and returns the seconds of the second; the first places the data."""
    import kerasbridge as kb
    from kerasbridge.benchmark.contenders.keras_fit import EpochLaps

    def run() -> float:
        laps = EpochLaps()
        kb.fit(model, x, y, batch_size=BATCH_SIZE, epochs=2, verbose=0, seed=0, callbacks=[laps])
        return float(laps.laps[-1].wall)

    return run


def profile(backend: str, steps: int, rounds: int) -> dict[str, float]:
    """Measure one backend, in a process of its own.

    Raises:
        SystemExit: the process failed; the message is the end of its error output.
    """
    options = f"--steps={steps}", f"--rounds={rounds}"
    measured: dict[str, float] = run_child("kerasbridge.benchmark.step_profile", backend, *options)
    return measured


def as_text(profiles: Mapping[str, Mapping[str, float]]) -> str:
    """Return a Markdown table: microseconds of a step by variant and backend."""
    lines = [[name, *(number(each[name]) for each in profiles.values())] for name in VARIANTS]
    return "\n".join(table(("a step, µs", *profiles), lines))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", action="append", help="default: all that are installed")
    parser.add_argument("--steps", type=int, default=STEPS, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, help="write the numbers and the variants there")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        with subprocesses.exit_with_message():
            print(json.dumps(measure(options.steps, options.rounds)))
        return
    names = check_backends(options.backend, at_least=1)
    profiles = {name: profile(name, options.steps, options.rounds) for name in names}
    print(as_text(profiles))
    if options.json:
        variants = {name: asdict(variant) for name, variant in VARIANTS.items()}
        options.json.write_text(json.dumps({"variants": variants, "microseconds": profiles}))


if __name__ == "__main__":
    main()
