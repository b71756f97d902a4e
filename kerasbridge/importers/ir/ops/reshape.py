"""Reshaping of samples."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, count, expect

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Reshape(SignPreserving):
    """The input with `axes` axes from `axis` on reshaped to `sizes`, in the order C, H, W.

    Args:
        sizes: the new sizes; 0 keeps the size of an axis, -1 is inferred. From axis 0 on, the first is the batch.
        axis: the first axis to reshape.
        axes: the number of axes to reshape; -1 for all axes that follow.
    """

    label = "reshaping"

    sizes: tuple[int, ...]
    axis: int = 0
    axes: int = -1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (shape,) = inputs
        start = self.axis + len(shape) + 1 if self.axis < 0 else self.axis
        stop = len(shape) if self.axes == -1 else start + self.axes
        expect(start <= stop <= len(shape), f"there are no {self.axes} axes from axis {self.axis} on")
        expect(start > 0 or (self.sizes and stop), "it would reshape the batch")
        sizes, first = (self.sizes[1:], 1) if start == 0 else (self.sizes, start)
        known = tuple(_keep_zero(shape, size, place) for place, size in enumerate(sizes, first))
        return (shape[:first] + _fill_rest(known, count(shape[first:stop])) + shape[stop:],)

    def partial_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(self.axis == 0 and self.axes == -1, "it takes images of one size only")
        (shape,) = inputs
        places = range(1, len(self.sizes))
        sizes = (shape[at] if self.sizes[at] == 0 and at < len(shape) else self.sizes[at] for at in places)
        return ((shape[0], *(size if size is None or size > 0 else None for size in sizes)),)


def _keep_zero(shape: Shape, size: int, axis: int) -> int:
    """Return the size, or the size of the axis if it is 0."""
    if size != 0:
        return size
    expect(axis < len(shape), f"there is no axis {axis} to take the size of")
    return count(shape[axis : axis + 1])


def _fill_rest(sizes: tuple[int, ...], total: int) -> tuple[int, ...]:
    """Return the sizes with -1 replaced so that their product is `total`."""
    known = math.prod(size for size in sizes if size != -1)
    expect(sizes.count(-1) < 2 and all(size > 0 or size == -1 for size in sizes), f"{sizes} are not valid sizes")
    filled = tuple(total // known if size == -1 else size for size in sizes)
    expect(math.prod(filled) == total, f"{total} numbers per sample cannot have the shape {sizes}")
    return filled


@builds(Reshape)
def build(operation: Reshape, context: "LayerContext", tensor: Any) -> Any:
    """Build `Reshape`, with `Permute` before and after it for images."""
    return context.reshape(tensor, context.inputs[0], context.outputs[0])
