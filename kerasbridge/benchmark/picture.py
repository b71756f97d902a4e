"""A picture of a benchmark: a bar per contender, the seconds of an epoch, with the quartiles."""

from pathlib import Path
from typing import Any

from kerasbridge.benchmark.result import BenchResult, Spread, WorkloadResult
from kerasbridge.benchmark.settings import OURS
from kerasbridge.errors import ArgumentError
from kerasbridge.runs import plotting

SUFFIXES = (".svg", ".png")


def check_path(path: Path) -> None:
    """Raise an ArgumentError if the picture cannot be written, before minutes of measuring."""
    if path.suffix not in SUFFIXES or not path.parent.is_dir():
        raise ArgumentError(f"Expected a file in an existing folder that ends in .svg or .png, received {path}.")
    plotting.figure(1, 1, "A picture of the benchmark")


def draw(path: Path, result: BenchResult) -> None:
    """Draw a panel per workload.

    Args:
        path: the file to write, .svg or .png.
        result: what was measured.

    Raises:
        PackageNotInstalled: Matplotlib is missing.
    """
    bars = [len(workload.contenders) for workload in result.workloads]
    figure = plotting.figure(7.5, 0.9 * len(bars) + 0.26 * sum(bars), "A picture of the benchmark")
    axes = figure.subplots(max(len(bars), 1), 1, squeeze=False, height_ratios=bars or [1])
    for panel, workload in zip(axes[:, 0], result.workloads, strict=False):
        _draw_panel(panel, workload, result.clock)
    plotting.save(figure, path)


def _draw_panel(axes: Any, workload: WorkloadResult, clock: str) -> None:
    spreads = [(one, Spread.of(one.seconds("epoch", clock))) for one in workload.contenders]
    measured = [(one, spread) for one, spread in spreads if spread is not None]
    plotting.style_axes(axes)
    axes.set_title(f"{workload.name}, batch {workload.batch_size}", loc="left", fontsize=10, color=plotting.INK)
    axes.set_xlabel(f"{'processor ' * (clock == 'cpu')}seconds per epoch", fontsize=9, color=plotting.SOFT)
    for position, (one, spread) in enumerate(measured):
        colour = plotting.COLOURS[0] if one.contender == OURS else plotting.SOFT
        whiskers = [[spread.median - spread.low], [spread.high - spread.median]]
        axes.barh(position, spread.median, color=colour, xerr=whiskers, ecolor=plotting.INK)
    axes.set_yticks(range(len(measured)), [f"{one.backend}, {one.contender}" for one, _ in measured], fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
