"""Squares of pixels as channels, and channels as squares of pixels."""

from dataclasses import dataclass

from kerasbridge.importers.ir.ops.base import Operation, Shape, expect, image


@dataclass(frozen=True)
class DepthToSpace(Operation):
    """A square of ``block x block`` pixels from the channels of each, row by row; the channels of one lie together."""

    block: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *sides = image(inputs[0])
        expect(channels is None or channels % self.block**2 == 0, f"{channels} channels make no squares of pixels")
        grown = (None if side is None else side * self.block for side in sides)
        return ((batch, None if channels is None else channels // self.block**2, *grown),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class SpaceToDepth(Operation):
    """One pixel of each square of ``block x block``, with the channels of all of them: the way back."""

    block: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *sides = image(inputs[0])
        expect(all(side is None or side % self.block == 0 for side in sides), f"{sides} are no whole squares of pixels")
        shrunk = (None if side is None else side // self.block for side in sides)
        return ((batch, None if channels is None else channels * self.block**2, *shrunk),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]
