"""Growth of cost: `kb.fit` with larger batches, deeper models, longer sequences and more rows, and an empty step.

    python -m kerasbridge.benchmark.growth --backend torch --plot growth.svg

One process per backend. For each size: the time before an epoch begins, the first epoch with tracing and compiling, the
time of a step, and the memory that the process gained, without the pages of files. The rows are in a file on disk, read
through `np.memmap`; the largest takes 5 GB.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge.benchmark.child import run_child
from kerasbridge.benchmark.table import number, table
from kerasbridge.benchmark.timing import timed
from kerasbridge.parity.workers import check_backends
from kerasbridge.runtime import backend as backends
from kerasbridge.runtime import subprocesses
from kerasbridge.runtime.memory import anonymous_bytes

FEATURES = 784
FEATURES_ON_DISK = 200
ROWS_IN_MEMORY = 60_000
CHUNK = 20_000  # rows that are written at once


@dataclass(frozen=True)
class Point:
    """The cost of one size.

    Attributes:
        series, size: what grows, and how large it is.
        begin: seconds of the first call of `fit` that are no part of its epoch.
        first: seconds of that epoch, with tracing and compiling.
        epoch: seconds of a later epoch.
        steps: its number of steps.
        gained: bytes that the process has more after the epochs; None if the system does not report them.
    """

    series: str
    size: int
    begin: float
    first: float
    epoch: float
    steps: int
    gained: int | None

    @property
    def step(self) -> float:
        """Microseconds of a step."""
        return 1e6 * self.epoch / self.steps


def measure(series: str, size: int, model: Any, x: Any, y: Any, batch_size: int) -> Point:
    """Train twice, and return the cost of the size.

    Args:
        series, size: the names of the point.
        model: a compiled model.
        x, y, batch_size: as for `kb.fit`.
    """
    import kerasbridge as kb
    from kerasbridge.benchmark.contenders.keras_fit import EpochLaps

    before = anonymous_bytes()
    first, later = EpochLaps(), EpochLaps()
    whole, _ = timed(lambda: kb.fit(model, x, y, batch_size=batch_size, epochs=1, verbose=0, seed=0, callbacks=[first]))
    kb.fit(model, x, y, batch_size=batch_size, epochs=2, verbose=0, seed=0, callbacks=[later])
    after = anonymous_bytes()
    gained = None if before is None or after is None else after - before
    first_epoch, steps = first.laps[0].wall, -(-len(x) // batch_size)
    return Point(series, size, whole.wall - first_epoch, first_epoch, later.laps[-1].wall, steps, gained)


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
            y = np.resize(np.arange(10, dtype="int32"), size)
            yield measure("rows", size, _dense_model(FEATURES_ON_DISK, [128]), x, y, 1024)


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
    "rows": Series(rows, (ROWS_IN_MEMORY, 10 * ROWS_IN_MEMORY, 100 * ROWS_IN_MEMORY), (2_000, 20_000)),
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


def as_text(points: Mapping[str, Sequence[Point]]) -> str:
    """Return a Markdown table of all points.

    Args:
        points: those of each backend, by its name.
    """
    titles = ("backend", "series", "size", "before it, s", "first epoch, s", "step, µs", "steps/s", "gained, MB")
    lines = [
        [
            name,
            point.series,
            f"{point.size:,}",
            number(point.begin),
            number(point.first),
            number(point.step),
            number(1e6 / point.step),
            "" if point.gained is None else f"{point.gained / 1e6:.0f}",
        ]
        for name, measured in points.items()
        for point in measured
    ]
    return "\n".join(table(titles, lines))


def draw(path: Path, points: Mapping[str, Sequence[Point]]) -> None:
    """Draw a panel for each series with several sizes: the time of a step by size, a line per backend."""
    from kerasbridge.benchmark import picture
    from kerasbridge.runs import plotting

    picture.check_path(path)
    measured = [point for each in points.values() for point in each]
    names = [name for name in dict.fromkeys(point.series for point in measured) if _sizes(measured, name) > 1]
    figure = plotting.figure(1 + 3.2 * max(len(names), 1), 3.2, "A picture of the growth")
    for position, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), position)
        plotting.style_axes(axes)
        axes.set(xscale="log", yscale="log")
        axes.set_title(f"step by {name}, µs", loc="left", fontsize=10, color=plotting.INK)
        for colour, (backend, each) in zip(plotting.COLOURS, points.items(), strict=False):
            line = [(point.size, point.step) for point in each if point.series == name]
            axes.plot(*zip(*line, strict=True), marker="o", markersize=4, color=colour, label=backend)
        axes.legend(frameon=False, fontsize=9, labelcolor=plotting.INK)
    plotting.save(figure, path)


def _sizes(points: Sequence[Point], series: str) -> int:
    return len({point.size for point in points if point.series == series})


def grow(backend: str, series: Sequence[str], quick: bool = False) -> list[Point]:
    """Measure series on one backend, in a process of its own.

    Raises:
        SystemExit: the process failed; the message is the end of its error output.
    """
    options = [*(f"--series={name}" for name in series), *(["--quick"] if quick else [])]
    return [Point(**fields) for fields in run_child("kerasbridge.benchmark.growth", backend, *options)]


def main() -> None:
    """Print the table, one backend after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", action="append", help="default: all that are installed")
    parser.add_argument("--series", action="append", choices=list(SERIES), help="default: all")
    parser.add_argument("--json", type=Path, help="write all points there")
    parser.add_argument("--plot", type=Path, help="draw the time of a step as .svg or .png")
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    series = options.series or list(SERIES)
    if options.child:
        with subprocesses.exit_with_message():
            print(json.dumps([vars(point) for name in series for point in _measured(name, options.quick)]))
        return
    points: dict[str, list[Point]] = {}
    try:
        for name in check_backends(options.backend, at_least=1):
            points[name] = grow(name, series, options.quick)
    finally:
        print(as_text(points))
    if options.json:
        options.json.write_text(json.dumps({name: [vars(point) for point in each] for name, each in points.items()}))
    if options.plot:
        draw(options.plot, points)


def _measured(name: str, quick: bool) -> Iterator[Point]:
    import kerasbridge as kb

    kb.use_backend()
    series = SERIES[name]
    for point in series.measure(series.quick if quick else series.sizes):
        print(as_text({backends.configure().backend: [point]}).splitlines()[-1], file=sys.stderr, flush=True)
        yield point


if __name__ == "__main__":
    main()
