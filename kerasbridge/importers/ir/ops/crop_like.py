"""Cropping to the size of another input."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, expect, normalize_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class CropLike(SignPreserving):
    """The first input cropped to the size of the second, in the axes from `axis` on.

    Args:
        offsets: the first position to keep in each of these axes; one number for all of them, () for 0.
        clamped: reduce an offset if the first input is too small for it.
    """

    label = "cropping"

    axis: int
    offsets: tuple[int, ...] = ()
    clamped: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        first, second = inputs
        axis = normalize_axis(self.axis, len(first))
        expect(axis > 0 and len(first) == len(second), "its two inputs have to have as many dimensions")
        starts = (0 if self.clamped else start for start in self.starts(len(first)))
        sizes = zip(first[axis:], second[axis:], starts, strict=True)
        fits = all(size is None or like is None or start + like <= size for size, like, start in sizes)
        expect(fits, f"the second cannot be cut out of the first at {self.starts(len(first))}")
        return (first[:axis] + second[axis:],)

    def starts(self, rank: int) -> tuple[int, ...]:
        """Return the first position in each axis from `axis` on."""
        axes = rank - normalize_axis(self.axis, rank)
        offsets = self.offsets * axes if len(self.offsets) == 1 else self.offsets or (0,) * axes
        expect(len(offsets) == axes, f"expected {axes} offsets, received {len(offsets)}")
        return offsets


@builds(CropLike)
def build(operation: CropLike, context: "LayerContext", tensor: Any, like: Any) -> Any:
    """Build `Cropping2D` if the sizes of images are known, else a kerasbridge layer."""
    first, second = context.inputs
    axis, starts = operation.axis % context.rank, operation.starts(context.rank)
    if context.rank == 4 and axis >= 2 and None not in (*first[axis:], *second[axis:]):
        cropping = _cropping(first[axis:], second[axis:], starts, operation.clamped)
        return context.layer(context.keras.layers.Cropping2D, tensor, cropping=[(0, 0)] * (axis - 2) + cropping)
    axes = [context.axis(place) for place in range(axis, context.rank)]
    layer = context.layers.CropLike
    return context.layer(layer, [tensor, like], axes=axes, starts=starts, clamped=operation.clamped)


def _cropping(sizes: Any, like: Any, starts: Any, clamped: bool) -> list[tuple[int, int]]:
    """Return the number of rows or columns to cut off before and after, for each axis."""
    excess = [size - other for size, other in zip(sizes, like, strict=True)]
    starts = map(min, starts, excess) if clamped else starts
    return [(start, total - start) for total, start in zip(excess, starts, strict=True)]
