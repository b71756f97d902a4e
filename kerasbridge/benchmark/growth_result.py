"""Points of how cost grows, as a table and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasbridge.benchmark import picture
from kerasbridge.benchmark.table import number, table
from kerasbridge.benchmark.timing import Lap
from kerasbridge.runs import plotting

TITLES = ("backend", "series", "size", "before it, s", "first epoch, s", "step, µs", "steps/s", "MB more", "runs")

LEAST_SPAN = 10  # of the axis of times, so that small differences look small


@dataclass(frozen=True)
class Point:
    """The cost of one size.

    Attributes:
        series, size: what grows, and how large it is.
        begin: the time of the first call of `fit` that is no part of its epoch.
        first: the time of that epoch, with tracing and compiling.
        epoch: the time of a later epoch.
        steps: its number of steps.
        peak: bytes by which the memory of the process grew at most, without the pages of files; None if the system does
            not report them.
        execution: how the steps of the later epoch ran.
    """

    series: str
    size: int
    begin: Lap
    first: Lap
    epoch: Lap
    steps: int
    peak: int | None
    execution: str

    @classmethod
    def read(cls, fields: Mapping[str, object]) -> "Point":
        """Return a point from its fields in JSON."""
        laps = {name: Lap(**fields[name]) for name in ("begin", "first", "epoch")}  # type: ignore[arg-type]
        return cls(**{**fields, **laps})  # type: ignore[arg-type]

    def step(self, clock: str = "wall") -> float:
        """Return the microseconds of a step by a clock, "wall" or "cpu"."""
        return float(1e6 * getattr(self.epoch, clock) / self.steps)


Points = Mapping[str, Sequence[Point]]
"""The points of each backend, by its name."""


def as_text(points: Points, clock: str = "wall") -> str:
    """Return a Markdown table of all points.

    Args:
        points: those of each backend, by its name.
        clock: "wall", or "cpu" for processor time.
    """
    lines = [[name, *_cells(point, clock)] for name, measured in points.items() for point in measured]
    return "\n".join(table(TITLES, lines))


def _cells(point: Point, clock: str) -> list[str]:
    step = point.step(clock)
    return [
        point.series,
        f"{point.size:,}",
        number(getattr(point.begin, clock)),
        number(getattr(point.first, clock)),
        number(step),
        number(1e6 / step),
        "" if point.peak is None else f"{point.peak / 1e6:.0f}",
        point.execution,
    ]


def draw(path: Path, points: Points, clock: str = "wall") -> None:
    """Draw a panel for each series with several sizes: the time of a step by size, a line per backend."""
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
            line = [(point.size, point.step(clock)) for point in each if point.series == name]
            if line:
                axes.plot(*zip(*line, strict=True), marker="o", markersize=4, color=colour, label=backend)
        steps = [point.step(clock) for point in measured if point.series == name]
        axes.set_ylim(min(min(steps), max(steps) / LEAST_SPAN) / 2, 2 * max(steps))
        axes.legend(frameon=False, fontsize=9, labelcolor=plotting.INK)
    plotting.save(figure, path)


def _sizes(points: Sequence[Point], series: str) -> int:
    return len({point.size for point in points if point.series == series})
