"""Operations that lay more numbers around those that are there."""

from dataclasses import dataclass
from typing import Literal

from kerasbridge.importers.ir.ops.base import Operation, Pair, Shape, Sides, count, expect, image, normalize_axis


@dataclass(frozen=True)
class Padding(Operation):
    """Rows and columns around images; where a side is below 0, so many are cut off.

    Args:
        kind: zeros, the image reflected at its outermost row and column, or these repeated.
    """

    sides: Sides
    kind: Literal["zeros", "reflection", "edge"] = "zeros"

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        sides = (self.sides[:2], self.sides[2:])
        for n, added in zip(size, sides, strict=True):
            fits = n is None or self.kind != "reflection" or max(added) < n
            expect(fits, f"an image of {n} rows or columns cannot be reflected so far")
            expect(n is None or all(-side <= n for side in added), "it would cut off more than there is")
        return ((batch, channels, *(n if n is None else n + sum(added) for n, added in zip(size, sides, strict=True))),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class ConstantPad(Operation):
    """So many numbers of one `value` before and behind those along an axis."""

    label = "margin"

    axis: int
    widths: Pair
    value: float = 0.0

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would make the batch longer")
        size = inputs[0][axis]
        return ((*inputs[0][:axis], None if size is None else size + sum(self.widths), *inputs[0][axis + 1 :]),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0] and self.value >= 0


@dataclass(frozen=True)
class Upsample(Operation):
    """Each pixel of an image `factors` times in height and width."""

    label = "upsampling"

    factors: Pair

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        after = (None if n is None else n * factor for n, factor in zip(size, self.factors, strict=True))
        return ((batch, channels, *after),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class Resize(Operation):
    """Images of other height and width, each pixel from those around its place.

    Args:
        size: the height and width that come out; None for `factors` times as many rows and columns.
        centred: pixels are places in the middle of their cells, not at their beginning.
        corners: the outermost pixels stay where they are.
    """

    label = "resizing"

    kind: Literal["bilinear", "nearest"]
    size: Pair | None
    factors: Pair | None = None
    centred: bool = False
    corners: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        if self.size is not None:
            return ((batch, channels, *self.size),)
        assert self.factors is not None
        after = (None if n is None else n * factor for n, factor in zip(size, self.factors, strict=True))
        return ((batch, channels, *after),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class DepthConcat(Operation):
    """Images one after the other along the channels, smaller ones with zeros around them, one more behind than before
    where their number is odd."""

    label = "centeredconcatenation"

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        sizes = [image(shape) for shape in inputs]
        channels = sum(shape[1] or 0 for shape in sizes)
        return ((sizes[0][0], channels, *(max(count((shape[axis],)) for shape in sizes) for axis in (2, 3))),)

    def sides(self, shape: Shape, largest: Shape) -> Sides:
        """The zeros around images of one size among those of the largest."""
        missing = [count((largest[axis],)) - count((shape[axis],)) for axis in (2, 3)]
        return (missing[0] // 2, -(-missing[0] // 2), missing[1] // 2, -(-missing[1] // 2))

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)
