"""Operations on one axis: a part of it, away with it, a new one, one number for it."""

from dataclasses import dataclass
from typing import Literal

from kerasbridge.importers.ir.ops.base import Operation, Shape, ShapeError, expect, normalize_axis


@dataclass(frozen=True)
class Slice(Operation):
    """What lies from `start` up to `stop` along an axis; below 0 they count from the end, None is the end."""

    label = "narrowing"

    axis: int
    start: int
    stop: int | None = None

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would cut the batch")
        size = inputs[0][axis]
        return ((*inputs[0][:axis], None if size is None else self._length(size), *inputs[0][axis + 1 :]),)

    def _length(self, size: int) -> int:
        start = self.start + size if self.start < 0 else self.start
        stop = size if self.stop is None else self.stop + size if self.stop < 0 else self.stop
        if not 0 <= start < stop <= size:
            raise ShapeError(f"there are no places from {start} up to {stop} among {size}")
        return stop - start

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class Squeeze(Operation):
    """Without an axis, which has one place only."""

    label = "squeezing"

    axis: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0 and inputs[0][axis] in (1, None), f"axis {axis} has more places than one")
        return ((*inputs[0][:axis], *inputs[0][axis + 1 :]),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class Unsqueeze(Operation):
    """With a new axis of one place, which is `axis` afterwards."""

    label = "unsqueezing"

    axis: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(0 < self.axis <= len(inputs[0]), "it would stand before the batch")
        return ((*inputs[0][: self.axis], 1, *inputs[0][self.axis :]),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class AxisReduction(Operation):
    """One number for each line along an axis, which vanishes."""

    kind: Literal["sum", "mean", "maximum", "minimum"]
    axis: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would make one sample of a batch")
        return ((*inputs[0][:axis], *inputs[0][axis + 1 :]),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]
