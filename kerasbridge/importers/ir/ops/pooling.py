"""Pooling, with the rules of rounding and averaging that frameworks disagree on."""

from dataclasses import dataclass
from typing import Literal

from kerasbridge.importers.ir.ops.base import Operation, Pair, Shape, Sides, expect, image

Kind = Literal["max", "average"]


@dataclass(frozen=True)
class Pooling(Operation):
    """The largest number or the average of each window.

    Args:
        ceil: sizes are rounded up, so that the last window may reach beyond the padding; where there is padding, a last
            window that would begin in the padding at the far side is left out.
        same: as many cells around each image as let ``ceil(size / stride)`` windows fit, one more behind than before
            where their number is odd, instead of `padding`: TensorFlow's "SAME". They never count.
        count_padding: an average divides by the cells of the window within the image and its padding (Caffe, Torch's
            default), not by those within the image alone (MatConvNet). Cells that only rounding up adds never count.
    """

    kind: Kind
    window: Pair
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    ceil: bool = False
    count_padding: bool = True
    same: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        if self.same:
            whole = (None if n is None else -(-n // s) for n, s in zip(size, self.stride, strict=True))
            return ((batch, channels, *whole),)
        for n, axis in zip(size, (0, 1), strict=True):
            expect(n is None or n + sum(self.sides(axis)) >= self.window[axis], f"its window is {self.window}")
        after = (None if n is None else self.windows(n, axis) for axis, n in enumerate(size))
        return ((batch, channels, *after),)

    def sides(self, axis: int) -> Pair:
        """The padding before and after an axis, 0 for the height and 1 for the width."""
        return (self.padding[2 * axis], self.padding[2 * axis + 1])

    def reach(self, axis: int) -> int:
        """How many cells behind the image the windows may take: the padding, and what rounding up adds.

        ``ceil(n / s) == (n + s - 1) // s``, so padding s - 1 more rounds up; padding at most k - 1 leaves out a window
        that would begin behind the image.
        """
        after = self.sides(axis)[1]
        if not self.ceil:
            return after
        more = after + self.stride[axis] - 1
        return min(more, self.window[axis] - 1) if any(self.padding) else more

    def windows(self, size: int, axis: int) -> int:
        """How many windows an axis of this size has."""
        return (size + self.sides(axis)[0] + self.reach(axis) - self.window[axis]) // self.stride[axis] + 1

    def overflow(self, size: int, axis: int) -> int:
        """How many cells behind image and padding the last window takes; below 0 where it leaves some out."""
        end = (self.windows(size, axis) - 1) * self.stride[axis] + self.window[axis]
        return end - size - sum(self.sides(axis))

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class GlobalPooling(Operation):
    """The largest number or the average of each channel, which keeps height and width as 1."""

    kind: Kind

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        return ((*image(inputs[0])[:2], 1, 1),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]
