"""Depth-to-space and space-to-depth."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, expect, image

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class DepthToSpace(SignPreserving):
    """The channels of each pixel as ``block x block`` pixels, row by row; those of one new pixel are adjacent."""

    block: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *sides = image(inputs[0])
        divisible = channels is None or channels % self.block**2 == 0
        expect(divisible, f"{channels} channels cannot be divided into squares of {self.block} pixels a side")
        grown = (None if side is None else side * self.block for side in sides)
        return ((batch, None if channels is None else channels // self.block**2, *grown),)


@dataclass(frozen=True)
class SpaceToDepth(SignPreserving):
    """Each ``block x block`` pixels as the channels of one pixel: the inverse of `DepthToSpace`."""

    block: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *sides = image(inputs[0])
        divisible = all(side is None or side % self.block == 0 for side in sides)
        expect(divisible, f"{sides} cannot be divided into squares of {self.block} pixels a side")
        shrunk = (None if side is None else side // self.block for side in sides)
        return ((batch, None if channels is None else channels * self.block**2, *shrunk),)


@builds(DepthToSpace)
def build_depth_to_space(operation: DepthToSpace, context: "LayerContext", images: Any) -> Any:
    """Build a kerasbridge layer."""
    return context.layer(context.layers.DepthToSpace, images, block=operation.block)


@builds(SpaceToDepth)
def build_space_to_depth(operation: SpaceToDepth, context: "LayerContext", images: Any) -> Any:
    """Build a kerasbridge layer."""
    return context.layer(context.layers.SpaceToDepth, images, block=operation.block)
