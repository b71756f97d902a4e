"""Line charts over training steps, as inline SVG for an HTML page without scripts.

Not drawn by Matplotlib: three charts would take 102 kB and 0.8 s instead of 23 kB and 4 ms, would add a dependency, and
their pictures would neither keep the page's font size nor follow its dark mode.

The curves are in an inner SVG that stretches with the page, in coordinates from (0, 0) at the top left to (1000, 1000).
The text is in the outer SVG, whose unit is the pixel. Colours and dashes are set by class in `page.css`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from kerasbridge.parity.record import Numbers

MAX_POINTS = 600
"""Number of points of a curve: a longer one is divided into buckets, each drawn by its smallest and largest value."""

_SIZE = 1000.0
_MAX_TICKS = 6
_MAX_VALUE = 1e300
_MARK_ROW = 24.0  # height of the marks of one curve
_MIN_MARK_ROWS = 120.0  # height of the marks of all curves, to leave room for their label
_MAX_LINEAR_DECADES = 3
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_Bucket = tuple[int, int, Numbers]  # start, stop, and the indices within it that are shown
_Points = list[tuple[float, float]]  # step and value


@dataclass(frozen=True, eq=False)
class Line:
    """A curve: its label, one value per step, and its CSS classes."""

    label: str
    values: Numbers
    style: str

    @property
    def floats(self) -> Numbers:
        """The values in float64."""
        return np.asarray(self.values, "float64")


@dataclass(frozen=True, eq=False)
class Chart:
    """Curves on one pair of axes.

    Attributes:
        name: unique on the page, for the ids.
        title, description: text for screen readers.
        lines: the curves; the last is drawn on top.
        logarithmic: on a logarithmic axis, steps whose value is zero become marks below it. None: logarithmic if the
            values span more than three decades.
        bound: a curve above which the background is tinted.
        mark: the step, from 1, at which a vertical line is drawn.
    """

    name: str
    title: str
    description: str
    lines: Sequence[Line]
    logarithmic: bool | None = None
    bound: Line | None = None
    mark: int | None = None

    @property
    def curves(self) -> list[Line]:
        """All lines, the bound included."""
        return [*self.lines, *([self.bound] if self.bound else [])]


@dataclass(frozen=True)
class _Axes:
    """Map steps and values to coordinates; `zeros` and `nonfinite` are the heights of the rows of marks, or 0."""

    steps: int
    low: float
    high: float
    logarithmic: bool
    zeros: float = 0.0
    nonfinite: float = 0.0

    def shown(self, values: Numbers) -> Numbers:
        """Return a mask of the values that have a place on the axis."""
        finite: Numbers = np.isfinite(values)
        return finite & (values > 0) if self.logarithmic else finite

    def x(self, step: Any) -> Numbers:
        steps: Numbers = np.asarray(step, "float64")
        return (steps - 1) * _SIZE / (self.steps - 1) if self.steps > 1 else steps * _SIZE / 2

    def y(self, values: Any) -> Numbers:
        numbers = np.clip(np.asarray(values, "float64"), -_MAX_VALUE, _MAX_VALUE)
        scaled = np.log10(np.maximum(numbers, 1e-320)) if self.logarithmic else numbers
        fraction = np.clip((scaled - self.low) / (self.high - self.low), 0, 1)
        result: Numbers = _SIZE - self.zeros - fraction * (_SIZE - self.zeros - self.nonfinite)
        return result

    def x_ticks(self) -> list[int]:
        spacing = max(1, round(_round_up(self.steps / _MAX_TICKS)))
        return sorted({1, *range(spacing, self.steps + 1, spacing)})

    def y_ticks(self) -> list[tuple[float, str]]:
        """Return the heights of the ticks and their labels."""
        if self.logarithmic:
            exponents = range(round(self.low), round(self.high) + 1, math.ceil((self.high - self.low) / _MAX_TICKS))
            return [(float(self.y(10.0**exponent)), _power_of_ten(exponent)) for exponent in exponents]
        spacing = _round_up((self.high - self.low) / (_MAX_TICKS - 1))
        first, last = math.ceil(self.low / spacing - 1e-9), math.floor(self.high / spacing + 1e-9)
        return [(float(self.y(k * spacing)), f"{k * spacing:.6g}") for k in range(first, last + 1)]


def draw(chart: Chart) -> str:
    """Return the HTML of the legend and the chart."""
    axes = _fit_axes(chart)
    paths = [*_tint(chart.bound, axes), *_grid(axes)]
    for line in chart.curves:
        paths += _curve(line, axes)
    for row, line in enumerate(chart.lines, 1):
        paths += _marks(line, axes, row / (len(chart.lines) + 1))
    if chart.mark is not None:
        paths.append(f'<path class="mark" d="M{_short(axes.x(chart.mark))} 0V{_SIZE:g}"/>')
    name, content = escape(chart.name), "\n".join(paths)
    return (
        f"{_legend(chart.curves)}\n"
        f'<svg class="plot" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-desc">{escape(chart.description)}</desc>\n'
        f'<svg class="curves" viewBox="0 0 {_SIZE:g} {_SIZE:g}" width="100%" height="100%" '
        f'preserveAspectRatio="none">\n{content}\n</svg>\n'
        f"{''.join(_text(chart, axes))}\n</svg>"
    )


def _fit_axes(chart: Chart) -> _Axes:
    """Return axes on which all curves of a chart fit."""
    steps = max((len(line.values) for line in chart.curves), default=1)
    values = np.concatenate([*(line.floats for line in chart.curves), np.zeros(0)])
    finite = np.clip(values[np.isfinite(values)], -_MAX_VALUE, _MAX_VALUE)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    logarithmic = chart.logarithmic
    if logarithmic is None:
        logarithmic = low > 0 and math.log10(high) - math.log10(low) > _MAX_LINEAR_DECADES
    mark_rows = max(_MARK_ROW * (len(chart.lines) + 1), _MIN_MARK_ROWS)
    nonfinite = mark_rows if finite.size < values.size else 0.0
    if logarithmic:
        positive = finite[finite > 0]
        low, high = (float(positive.min()), float(positive.max())) if positive.size else (1.0, 1.0)
        bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
        zeros = mark_rows if positive.size < finite.size else 0.0
        return _Axes(steps, bottom, max(top, bottom + 1), True, zeros, nonfinite)
    if low == high:
        low, high = low - (abs(low) or 1.0) / 10, high + (abs(high) or 1.0) / 10
    margin = (high - low) * 0.03
    return _Axes(steps, 0.0 if 0 <= low < high / 2 else low - margin, high + margin, False, 0.0, nonfinite)


def _segments(shown: Numbers) -> Iterator[list[_Bucket]]:
    """Divide the steps into buckets and yield the runs of buckets without a gap."""
    steps = len(shown)
    count = steps if steps <= MAX_POINTS else MAX_POINTS // 2
    segment: list[_Bucket] = []
    for start, stop in pairwise(steps * k // count for k in range(count + 1 if count else 0)):
        indices = np.flatnonzero(shown[start:stop]) + start
        if indices.size:
            segment.append((start, stop, indices))
        elif segment:
            yield segment
            segment = []
    if segment:
        yield segment


def _extremes(values: Numbers, segment: Sequence[_Bucket]) -> _Points:
    """Return the smallest and the largest value of each bucket, in the order of the steps."""
    ends = [{int(inside[values[inside].argmin()]), int(inside[values[inside].argmax()])} for _, _, inside in segment]
    return [(index + 1, float(values[index])) for pair in ends for index in sorted(pair)]


def _band(values: Numbers, segment: Sequence[_Bucket]) -> _Points:
    """Return the outline of the area between the smallest and the largest values of the buckets."""
    middles = [(start + 1 + stop) / 2 for start, stop, _ in segment]
    highest = [float(values[inside].max()) for _, _, inside in segment]
    lowest = [float(values[inside].min()) for _, _, inside in segment]
    return [*zip(middles, highest, strict=True), *reversed(list(zip(middles, lowest, strict=True)))]


def _curve(line: Line, axes: _Axes) -> Iterator[str]:
    """Draw a curve; a long one that goes up and down is drawn as a band, since a line would be a tangle."""
    values = line.floats
    shown = axes.shown(values)
    drawn = values[shown]
    is_band = len(values) > MAX_POINTS and bool((drawn[1:] < drawn[:-1]).any())
    outline = _band if is_band else _extremes
    outlines = [_coordinates(outline(values, segment), axes) for segment in _segments(shown)]
    paths = [f"M{first}L{' '.join(rest)}{'Z' * is_band}" for first, *rest in outlines if {*rest} - {first}]
    dots = [f"M{first}h0" for first, *rest in outlines if not {*rest} - {first}]
    if paths:
        yield f'<path class="line {"band " * is_band}{line.style}" d="{"".join(paths)}"/>'
    if dots:
        yield f'<path class="dot {line.style}" d="{"".join(dots)}"/>'


def _coordinates(points: _Points, axes: _Axes) -> list[str]:
    steps, values = np.array(points).T
    return [f"{_short(x)} {_short(y)}" for x, y in zip(axes.x(steps), axes.y(values), strict=True)]


def _marks(line: Line, axes: _Axes, row: float) -> Iterator[str]:
    """Draw marks below the axis for zeros, and above it for values that are not finite; `row` is from 0 to 1."""
    values = line.floats
    half_step = 0.5 * _SIZE / max(axes.steps - 1, 1)
    for height, y, marked, kind in (
        (axes.zeros, _SIZE - axes.zeros * (1 - row), values == 0, "zero"),
        (axes.nonfinite, axes.nonfinite * row, ~np.isfinite(values), "broken"),
    ):
        ranges = [(axes.x(segment[0][0] + 1), axes.x(segment[-1][1])) for segment in _segments(marked)]
        if height and ranges:
            d = "".join(
                f"M{_short(max(left - half_step, 0))} {_short(y)}H{_short(min(right + half_step, _SIZE))}"
                for left, right in ranges
            )
            yield f'<path class="{kind} {line.style}" d="{d}"/>'


def _tint(bound: Line | None, axes: _Axes) -> Iterator[str]:
    """Draw the area above the bound."""
    if bound is None:
        return
    for segment in _segments(axes.shown(bound.floats)):
        points = _coordinates(_extremes(bound.floats, segment), axes)
        left, right = points[0].split()[0], points[-1].split()[0]
        yield f'<path class="beyond" d="M{left} 0L{" ".join(points)} {right} 0Z"/>'


def _grid(axes: _Axes) -> Iterator[str]:
    floors = [y for y, height in ((_SIZE - axes.zeros, axes.zeros), (axes.nonfinite, axes.nonfinite)) if height]
    for style, heights in (("grid", [y for y, _ in axes.y_ticks()]), ("floor", [*floors, _SIZE])):
        yield f'<path class="{style}" d="{"".join(f"M0 {_short(y)}H{_SIZE:g}" for y in heights)}"/>'


def _text(chart: Chart, axes: _Axes) -> Iterator[str]:
    """Write the labels of the axes and of the mark, at positions in per cent of the chart."""
    labels = axes.y_ticks()
    if axes.zeros:
        labels.append((_SIZE - axes.zeros * 0.4, "0"))
    if axes.nonfinite:
        labels.append((axes.nonfinite * 0.4, "∞" if chart.logarithmic else "NaN, ∞"))
    for y, label in labels:
        yield f'<text class="left" x="-8" y="{_percent(y)}" dy=".32em">{label}</text>'
    for step in axes.x_ticks():
        yield f'<text class="below" x="{_percent(axes.x(step))}" y="100%" dy="1.5em">{step:,}</text>'
    yield '<text class="end" x="100%" y="100%" dy="2.9em">step</text>'
    if chart.mark is not None:
        x, floor = axes.x(chart.mark), _percent(_SIZE - axes.zeros)
        side, offset = ("end", "-.5em") if x > 0.6 * _SIZE else ("start", ".5em")
        position = f'x="{_percent(x)}" dx="{offset}" y="{floor}" dy="-.8em"'
        yield f'<text class="marked {side}" {position}>step {chart.mark:,}</text>'


def _legend(lines: Sequence[Line]) -> str:
    swatch = '<svg class="swatch" aria-hidden="true" width="34" height="10"><path class="line {}" d="M1 5H33"/></svg>'
    items = (f"<li>{swatch.format(line.style)}{escape(line.label)}</li>" for line in lines)
    return f'<ul class="legend">{"".join(items)}</ul>'


def _round_up(value: float) -> float:
    """Return the next larger number of the series …, 1, 2, 5, 10, 20, …"""
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def _power_of_ten(exponent: int) -> str:
    return "1" if exponent == 0 else "10" if exponent == 1 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def _short(coordinate: Any) -> str:
    return f"{float(coordinate):.1f}".rstrip("0").rstrip(".")


def _percent(coordinate: Any) -> str:
    return f"{_short(coordinate / 10)}%"
