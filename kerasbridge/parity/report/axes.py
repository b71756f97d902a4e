"""What a curve over steps needs to become a picture: heights, ticks, and long runs made short without losing extremes.

Everything lies in a square of 1000 by 1000, from the top left.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kerasbridge.parity.record import Numbers

POINTS = 600
"""A curve has at most so many points: of each stretch of a longer one the smallest and the largest are kept."""

SIZE = 1000.0
_TICKS = 6
_HUGE = 1e300
_ROW = 24.0  # of marks, one for each curve
_BAND = 120.0  # at least, for the label beside it
_DECADES_UNTIL_LOGARITHMIC = 3
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """Which values lie between which heights; `zeros` and `broken` say which rows of marks there are."""

    low: float
    high: float
    logarithmic: bool
    zeros: float = 0.0
    broken: float = 0.0

    def shown(self, values: Numbers) -> Numbers:
        """Which values have a height."""
        finite: Numbers = np.isfinite(values)
        return finite & (values > 0) if self.logarithmic else finite

    def height(self, values: Any) -> Numbers:
        """From the top of the picture, downwards."""
        numbers = np.clip(np.asarray(values, "float64"), -_HUGE, _HUGE)
        scaled = np.log10(np.maximum(numbers, 1e-320)) if self.logarithmic else numbers
        part = np.clip((scaled - self.low) / (self.high - self.low), 0, 1)
        result: Numbers = SIZE - self.zeros - part * (SIZE - self.zeros - self.broken)
        return result

    def ticks(self) -> list[tuple[float, str]]:
        """Heights and what is written there."""
        if self.logarithmic:
            apart = math.ceil((self.high - self.low) / _TICKS)
            powers = range(round(self.low), round(self.high) + 1, apart)
            return [(float(self.height(10.0**power)), _power(power)) for power in powers]
        apart_by = rounded_up((self.high - self.low) / (_TICKS - 1))
        first, last = math.ceil(self.low / apart_by - 1e-9), math.floor(self.high / apart_by + 1e-9)
        return [(float(self.height(k * apart_by)), f"{k * apart_by:.6g}") for k in range(first, last + 1)]


def axis_of(curves: Sequence[Numbers], rows: int, logarithmic: bool | None) -> Axis:
    """The axis that all curves fit on.

    Args:
        curves: float64, one value a step.
        rows: how many rows of marks there would be for zeros and for what is not finite.
        logarithmic: None where the values are to decide: they span 1000 and more.
    """
    everything = np.concatenate([*curves, np.zeros(0)])
    finite = np.clip(everything[np.isfinite(everything)], -_HUGE, _HUGE)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if logarithmic is None:
        logarithmic = low > 0 and math.log10(high) - math.log10(low) > _DECADES_UNTIL_LOGARITHMIC
    band = max(_ROW * (rows + 1), _BAND)
    broken = band if finite.size < everything.size else 0.0
    if logarithmic:
        positive = finite[finite > 0]
        least, most = (float(positive.min()), float(positive.max())) if positive.size else (1.0, 1.0)
        low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
        return Axis(low, max(high, low + 1), True, band if positive.size < finite.size else 0.0, broken)
    if low == high:
        low, high = low - (abs(low) or 1.0) / 10, high + (abs(high) or 1.0) / 10
    margin = (high - low) * 0.03
    return Axis(0.0 if 0 <= low < high / 2 else low - margin, high + margin, False, 0.0, broken)


def downsample(values: Numbers, shown: Numbers) -> Iterator[list[tuple[int, float]]]:
    """The stretches of a curve that are drawn, as steps from 1 with their values: extremes stay, gaps stay gaps."""
    stretch: list[tuple[int, float]] = []
    for start, end in _buckets(len(values)):
        inside = np.flatnonzero(shown[start:end]) + start
        if not inside.size:
            if stretch:
                yield stretch
            stretch = []
            continue
        ends = {int(inside[values[inside].argmin()]), int(inside[values[inside].argmax()])}
        stretch += [(step + 1, float(values[step])) for step in sorted(ends)]
    if stretch:
        yield stretch


def min_max_bands(values: Numbers, shown: Numbers) -> Iterator[list[tuple[float, float, float]]]:
    """The same for a long curve that goes up and down: the middle step of each stretch, its smallest and largest."""
    band: list[tuple[float, float, float]] = []
    for start, end in _buckets(len(values)):
        inside = values[start:end][shown[start:end]]
        if inside.size:
            band.append(((start + 1 + end) / 2, float(inside.min()), float(inside.max())))
        elif band:
            yield band
            band = []
    if band:
        yield band


def runs(found: Numbers) -> Iterator[tuple[int, int]]:
    """First and last step, from 1, of each run of stretches in which something was found."""
    run: tuple[int, int] | None = None
    for start, end in _buckets(len(found)):
        if found[start:end].any():
            run = (run[0] if run else start + 1, end)
        elif run:
            yield run
            run = None
    if run:
        yield run


def _buckets(steps: int) -> Iterator[tuple[int, int]]:
    count = steps if steps <= POINTS else POINTS // 2
    edges = [steps * k // count for k in range(count + 1)] if count else [0]
    return pairwise(edges)


def step_ticks(steps: int) -> list[int]:
    """The steps that are written below the axis: the first, and round ones."""
    apart = max(1, round(rounded_up(steps / _TICKS)))
    return sorted({1, *range(apart, steps + 1, apart)} if apart > 1 else set(range(1, steps + 1)))


def across(step: Any, steps: int) -> Numbers:
    """From the left, for steps from 1."""
    result: Numbers = (np.asarray(step, "float64") - 1) * SIZE / (steps - 1) if steps > 1 else np.asarray(step) * 500.0
    return result


def rounded_up(least: float) -> float:
    """The next of 1, 2, 5, 10, … of any size."""
    size = 10.0 ** math.floor(math.log10(least))
    return next(part * size for part in (1, 2, 5, 10) if part * size >= least * (1 - 1e-9))


def _power(power: int) -> str:
    return "1" if power == 0 else "10" if power == 1 else f"10{str(power).translate(_SUPERSCRIPTS)}"


def number(value: float) -> str:
    """A coordinate, short."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
