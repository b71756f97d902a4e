"""Operations that leave few of many numbers."""

import contextlib
from dataclasses import dataclass
from typing import Literal

from kerasbridge.importers.ir.ops.base import (
    Operation,
    Shape,
    ShapeError,
    UnknownDimension,
    count,
    expect,
    normalize_axis,
)


@dataclass(frozen=True)
class Reduction(Operation):
    """One number for all axes from `axis` on, times `coefficient`."""

    kind: Literal["sum", "absolute sum", "sum of squares", "mean"]
    axis: int
    coefficient: float = 1.0

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would make one number of the whole batch: set the axis to 1")
        return (inputs[0][:axis],)


@dataclass(frozen=True)
class ArgMax(Operation):
    """Where the `most` largest numbers are, and what they are.

    Args:
        axis: along which; None for all of a sample, in the order C, H, W: shape (N, 1 or 2, most), and 1 beyond.
        values: give the numbers: along an axis instead of their places, else behind them.
    """

    label = "largestplaces"

    axis: int | None = None
    most: int = 1
    values: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (shape,) = inputs
        if self.axis is None:
            found = (shape[0], 2 if self.values else 1, self.most)
            with contextlib.suppress(UnknownDimension):
                expect(self.most <= count(shape[1:]), f"there are no {self.most} numbers")
            return (found + (1,) * (len(shape) - 3),)
        axis = normalize_axis(self.axis, len(shape))
        size = shape[axis]
        if axis == 0 or (size is not None and self.most > size):
            raise ShapeError(f"there are no {self.most} numbers along axis {axis}")
        return ((*shape[:axis], self.most, *shape[axis + 1 :]),)
