"""Curves over training steps as inline SVG for an HTML page: no script, no font, no fixed width.

The paths lie in an inner SVG that stretches with the page, the words in the outer one, whose unit is the pixel: a chart
has the same letters on a phone and on a desk. Colours and dashes are the page's style sheet's, by class.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from kerasbridge.parity.record import Numbers
from kerasbridge.parity.report.axes import (
    POINTS,
    SIZE,
    Axis,
    across,
    axis_of,
    downsample,
    min_max_bands,
    number,
    runs,
    step_ticks,
)


@dataclass(frozen=True, eq=False)
class Line:
    """A curve: what it is called, one value a step, and the class of the style sheet that draws it."""

    label: str
    values: Numbers
    style: str


@dataclass(frozen=True, eq=False)
class Chart:
    """Curves on one axis.

    Attributes:
        name: a word that no other chart of the page has, for its ids.
        title, description: read out instead of the picture.
        lines: the curves; the last is drawn on top.
        logarithmic: steps that are zero become marks below the axis; None: where the values span 1000 and more.
        bound: a curve above which the plane is tinted.
        mark: the step that gets an upright line, from 1.
    """

    name: str
    title: str
    description: str
    lines: Sequence[Line]
    logarithmic: bool | None = None
    bound: Line | None = None
    mark: int | None = None


def draw(chart: Chart) -> str:
    """The legend and the picture."""
    every = [*chart.lines, *([chart.bound] if chart.bound else [])]
    steps = max((len(line.values) for line in every), default=1)
    axis = axis_of([_floats(line) for line in every], len(chart.lines), chart.logarithmic)
    inner = [*_tinted(chart.bound, axis, steps), *_grid(axis)]
    for line in every:
        inner += _curve(line, axis, steps)
    for row, line in enumerate(chart.lines, 1):
        inner += _marks(line, axis, steps, row / (len(chart.lines) + 1))
    if chart.mark is not None:
        x = number(float(across(chart.mark, steps)))
        inner.append(f'<path class="mark" d="M{x} 0V{SIZE:g}"/>')
    name = escape(chart.name)
    return (
        f"{_legend(every)}\n"
        f'<svg class="plot" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-desc">{escape(chart.description)}</desc>\n'
        f'<svg class="curves" viewBox="0 0 {SIZE:g} {SIZE:g}" width="100%" height="100%" '
        f'preserveAspectRatio="none">\n{"".join(part + chr(10) for part in inner)}</svg>\n'
        f"{''.join(_words(chart, axis, steps))}\n</svg>"
    )


def _curve(line: Line, axis: Axis, steps: int) -> Iterator[str]:
    """A long curve that goes up and down is drawn as the band it fills: as a line it would be a tangle."""
    values = _floats(line)
    shown = axis.shown(values)
    drawn = values[shown]
    tangle = len(values) > POINTS and bool((drawn[1:] < drawn[:-1]).any())
    if tangle:
        outlines = [_around(band, axis, steps) for band in min_max_bands(values, shown)]
    else:
        outlines = [_points(stretch, axis, steps) for stretch in downsample(values, shown)]
    paths = [f"M{first}L{' '.join(rest)}{'Z' * tangle}" for first, *rest in outlines if {*rest} - {first}]
    dots = [f"M{first}h0" for first, *rest in outlines if not {*rest} - {first}]
    if paths:
        yield f'<path class="line {"band " * tangle}{line.style}" d="{"".join(paths)}"/>'
    if dots:
        yield f'<path class="dot {line.style}" d="{"".join(dots)}"/>'


def _around(band: Sequence[tuple[float, float, float]], axis: Axis, steps: int) -> list[str]:
    there = [(step, high) for step, _, high in band]
    back = [(step, low) for step, low, _ in reversed(band)]
    return _points(there + back, axis, steps)


def _points(curve: Sequence[tuple[float, float]], axis: Axis, steps: int) -> list[str]:
    """Step and values as "x y"."""
    at, values = np.array(curve).T
    return [f"{number(x)} {number(y)}" for x, y in zip(across(at, steps), axis.height(values), strict=True)]


def _marks(line: Line, axis: Axis, steps: int, place: float) -> Iterator[str]:
    """A row of marks below the axis for zeros, and one above it for what is not finite."""
    values = _floats(line)
    rows = []
    if axis.zeros:
        rows.append((values == 0, SIZE - axis.zeros * (1 - place), "zero"))
    if axis.broken:
        rows.append((~np.isfinite(values), axis.broken * place, "broken"))
    for found, y, kind in rows:
        half = 0.5 * SIZE / max(steps - 1, 1)
        ends = [(float(across(a, steps)) - half, float(across(b, steps)) + half) for a, b in runs(found)]
        d = "".join(f"M{number(max(a, 0))} {number(y)}H{number(min(b, SIZE))}" for a, b in ends)
        if d:
            yield f'<path class="{kind} {line.style}" d="{d}"/>'


def _tinted(bound: Line | None, axis: Axis, steps: int) -> Iterator[str]:
    if bound is None:
        return
    values = _floats(bound)
    for stretch in downsample(values, axis.shown(values)):
        points = _points(stretch, axis, steps)
        first, last = points[0].split()[0], points[-1].split()[0]
        yield f'<path class="beyond" d="M{first} 0L{" ".join(points)} {last} 0Z"/>'


def _grid(axis: Axis) -> Iterator[str]:
    lines = "".join(f"M0 {number(y)}H{SIZE:g}" for y, _ in axis.ticks())
    yield f'<path class="grid" d="{lines}"/>'
    floors = [y for y, there in ((SIZE - axis.zeros, axis.zeros), (axis.broken, axis.broken)) if there]
    yield f'<path class="floor" d="{"".join(f"M0 {number(y)}H{SIZE:g}" for y in (*floors, SIZE))}"/>'


def _words(chart: Chart, axis: Axis, steps: int) -> Iterator[str]:
    """What is written beside the curves, in pixels and in parts of the picture."""
    left = list(axis.ticks())
    if axis.zeros:
        left.append((SIZE - axis.zeros * 0.4, "0"))
    if axis.broken:
        left.append((axis.broken * 0.4, "∞" if chart.logarithmic else "NaN, ∞"))
    for y, words in left:
        yield f'<text class="left" x="-8" y="{number(y / 10)}%" dy=".32em">{words}</text>'
    for step in step_ticks(steps):
        x = float(across(step, steps)) / 10
        yield f'<text class="below" x="{number(x)}%" y="100%" dy="1.5em">{step:,}</text>'
    yield '<text class="end" x="100%" y="100%" dy="2.9em">step</text>'
    if chart.mark is not None:
        x = float(across(chart.mark, steps)) / 10
        floor = number((SIZE - axis.zeros) / 10)
        side, away = ("end", "-.5em") if x > 60 else ("start", ".5em")
        place = f'x="{number(x)}%" dx="{away}" y="{floor}%" dy="-.8em"'
        yield f'<text class="marked {side}" {place}>step {chart.mark:,}</text>'


def _legend(lines: Sequence[Line]) -> str:
    swatch = '<svg class="swatch" aria-hidden="true" width="34" height="10"><path class="line {}" d="M1 5H33"/></svg>'
    items = (f"<li>{swatch.format(line.style)}{escape(line.label)}</li>" for line in lines)
    return f'<ul class="legend">{"".join(items)}</ul>'


def _floats(line: Line) -> Numbers:
    values: Numbers = np.asarray(line.values, "float64")
    return values
