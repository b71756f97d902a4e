"""Checks of layer options, shared by the formats; each format reads the values from its own files."""

import math
from collections.abc import Iterable, Sequence

from kerasbridge.importers.ir.ops.base import Pair, Sides
from kerasbridge.importers.ir.unsupported import check

MAX_SIZE = 4096
"""The largest size of kernels, strides, dilations and paddings: more rows or columns than any image has."""


def decimal(value: float) -> float:
    """Return a 32-bit number as the decimal that was written: 0.1, not 0.10000000149."""
    return float(f"{value:.7g}")


def check_sizes(values: Iterable[float], name: str, minimum: int = 1, maximum: int = MAX_SIZE) -> list[int]:
    """Return sizes as integers, with fractions truncated; raise `Unsupported` unless they are within bounds."""
    values = list(values)
    for value in values:
        check(math.isfinite(value) and minimum <= int(value) <= maximum, f"has a {name} of {value:g}", name)
    return [int(value) for value in values]


def to_pair(values: Sequence[int], name: str) -> Pair:
    """Return height and width: one number for both, or two."""
    check(len(values) in (1, 2), f"has {len(values)} numbers as {name}", name)
    return values[0], values[-1]


def to_sides(values: Sequence[int], name: str) -> Sides:
    """Return top, bottom, left and right: one number for all, two for height and width, or four."""
    check(len(values) in (1, 2, 4), f"has {len(values)} numbers as {name}", name)
    top, bottom, left, right = values if len(values) == 4 else (values[0], values[0], values[-1], values[-1])
    return top, bottom, left, right
