"""Growth of cost: `kb.fit` with larger batches, deeper models, longer sequences and more rows, and an empty step.

    python -m kerasbridge.benchmark.growth --backend torch --plot growth.svg

One process per backend and series. For each size: the time before an epoch begins, the first epoch with tracing and
compiling, the time of a step of later epochs, and the memory that the process took at most, without the pages of files.
The rows are in a file in a temporary folder, read through `np.memmap`; the largest takes 5 GB. On a busy machine,
`--clock cpu` shows processor time; the file written with `--json` has both.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from kerasbridge.benchmark import picture
from kerasbridge.benchmark.anonymous_peak import AnonymousPeak
from kerasbridge.benchmark.child import run_child
from kerasbridge.benchmark.growth_result import Point, as_text, draw
from kerasbridge.benchmark.machine import machine
from kerasbridge.benchmark.timing import Lap, timed
from kerasbridge.parity.workers import check_backends
from kerasbridge.runtime import subprocesses

FEATURES = 784
FEATURES_ON_DISK = 200
FEWEST_ROWS = 60_000
CHUNK = 20_000  # rows that are written at once


def measure(series: str, size: int, model: Any, x: Any, y: Any, batch_size: int, epochs: int = 5) -> Point:
    """Train twice, and return the cost of the size.

    Args:
        series, size: the names of the point.
        model: a compiled model.
        x, y, batch_size: as for `kb.fit`.
        epochs: epochs of the second training, the first of which does not count; the others do with their median.
    """
    import kerasbridge as kb
    from kerasbridge.benchmark.contenders.keras_fit import EpochLaps

    first, later = EpochLaps(), EpochLaps()
    options: dict[str, Any] = {"batch_size": batch_size, "verbose": 0, "seed": 0}
    with AnonymousPeak() as memory:
        whole, _ = timed(lambda: kb.fit(model, x, y, epochs=1, callbacks=[first], **options))
        history = kb.fit(model, x, y, epochs=epochs, callbacks=[later], **options)
    (lap,) = first.laps
    begin = Lap(whole.wall - lap.wall, whole.cpu - lap.cpu)
    epoch = Lap(*(median(getattr(each, clock) for each in later.laps[1:]) for clock in ("wall", "cpu")))
    steps = -(-len(x) // batch_size)
    return Point(series, size, begin, lap, epoch, steps, memory.growth, history.params["execution"])


def batches(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the cost of batch sizes, at least eight steps each."""
    for size in sizes:
        x, y = _data(max(8 * size, 1024), FEATURES)
        yield measure("batch", size, _dense_model(FEATURES, [128]), x, y, size)


def depths(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the cost of numbers of layers of 64 units."""
    x, y = _data(1024, 64)
    for size in sizes:
        yield measure("depth", size, _dense_model(64, [64] * size), x, y, 32)


def sequences(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the cost of lengths of sequences, for an LSTM of 32 units."""
    from kerasbridge.keras_compat import keras

    for size in sizes:
        x, y = _data(256, size * 8)
        layers = [keras.Input((size, 8)), keras.layers.LSTM(32), keras.layers.Dense(10)]
        yield measure("sequence", size, _compiled(keras.Sequential(layers)), x.reshape(-1, size, 8), y, 32)


def rows(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the cost of numbers of rows in a file on disk, in batches of 1,024."""
    import numpy as np

    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
            path = Path(folder, "x.dat")
            x = np.memmap(path, "float32", "w+", shape=(size, FEATURES_ON_DISK))
            values, _ = _data(CHUNK, FEATURES_ON_DISK)
            for start in range(0, size, CHUNK):
                x[start : start + CHUNK] = values[: size - start]
            x.flush()
            x = np.memmap(path, "float32", "r", shape=(size, FEATURES_ON_DISK))
            with contextlib.suppress(
                OSError
            ):  # Windows deletes no open file; elsewhere a process that is killed leaves none
                path.unlink()
            y = np.resize(np.arange(10, dtype="int32"), size)
            epochs = 3 if size > FEWEST_ROWS else 9
            yield measure("rows", size, _dense_model(FEATURES_ON_DISK, [128]), x, y, 1024, epochs)


def empty(sizes: Sequence[int]) -> Iterator[Point]:
    """Yield the cost of steps of a model with one weight: the overhead of a step; the size is the number of steps."""
    from kerasbridge.keras_compat import keras

    for size in sizes:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        model.compile("sgd", "mse")
        x, _ = _data(size, 1)
        yield measure("empty step", size, model, x, x, 1)


@dataclass(frozen=True)
class Series:
    """The sizes of a series, and a function that measures them."""

    measure: Callable[[Sequence[int]], Iterator[Point]]
    sizes: Sequence[int]
    quick: Sequence[int]


SERIES: Mapping[str, Series] = {
    "empty": Series(empty, (2000,), (100,)),
    "batch": Series(batches, (1, 4, 16, 64, 256, 1024, 4096), (1, 16)),
    "depth": Series(depths, (1, 2, 4, 8, 16, 32, 64), (1, 4)),
    "sequence": Series(sequences, (10, 30, 100, 300, 1000), (5, 10)),
    "rows": Series(rows, (FEWEST_ROWS, 10 * FEWEST_ROWS, 100 * FEWEST_ROWS), (2_000, 20_000)),
}


def _data(count: int, features: int) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.random((count, features), "float32"), rng.integers(0, 10, count).astype("int32")


def _dense_model(features: int, units: Sequence[int]) -> Any:
    from kerasbridge.keras_compat import keras

    hidden = [keras.layers.Dense(each, activation="relu") for each in units]
    return _compiled(keras.Sequential([keras.Input((features,)), *hidden, keras.layers.Dense(10)]))


def _compiled(model: Any) -> Any:
    from kerasbridge.keras_compat import keras

    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def grow(backend: str, series: str, quick: bool = False) -> list[Point]:
    """Measure a series on one backend, in a process of its own.

    Raises:
        SystemExit: the process failed; the message is the end of its error output.
    """
    options = [f"--series={series}", *(["--quick"] if quick else [])]
    return [Point.read(fields) for fields in run_child("kerasbridge.benchmark.growth", backend, *options)]


def main() -> None:
    """Print the table, one backend after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", action="append", help="default: all that are installed")
    parser.add_argument("--series", action="append", choices=list(SERIES), help="default: all")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="of the table and the picture")
    parser.add_argument("--json", type=Path, help="write all points there")
    parser.add_argument("--plot", type=Path, help="draw the time of a step as .svg or .png")
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    series = options.series or list(SERIES)
    if options.child:
        with subprocesses.exit_with_message():
            print(json.dumps([asdict(point) for name in series for point in _measured(name, options.quick)]))
        return
    if options.plot:
        picture.check_path(options.plot)
    names = check_backends(options.backend, at_least=1)
    points: dict[str, list[Point]] = {name: [] for name in names}
    try:
        for name in names:
            for each in series:
                print(f"{name}: {each}", file=sys.stderr, flush=True)
                points[name] += grow(name, each, options.quick)
    finally:
        print(as_text(points, options.clock), _origin(names, options.clock), sep="\n\n")
        if options.json:
            measured = {name: [asdict(point) for point in each] for name, each in points.items()}
            options.json.write_text(json.dumps({"machine": machine(names), "points": measured}), encoding="utf-8")
    if options.plot:
        draw(options.plot, points, options.clock)


def _origin(names: Sequence[str], clock: str) -> str:
    """Return the clock, the machine, the versions, the date and the load in one line."""
    parts = ["processor time"] if clock == "cpu" else []
    parts += [" ".join(filter(None, pair)) for pair in machine(names).items()]
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return ", ".join(filter(None, [*parts, f"{datetime.now(UTC):%Y-%m-%d}", load]))


def _measured(name: str, quick: bool) -> Iterator[Point]:
    import kerasbridge as kb

    kb.use_backend()
    series = SERIES[name]
    yield from series.measure(series.quick if quick else series.sizes)


if __name__ == "__main__":
    main()
