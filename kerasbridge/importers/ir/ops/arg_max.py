"""Positions and values of the largest numbers."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import (
    Operation,
    Shape,
    ShapeError,
    UnknownDimension,
    builds,
    count,
    expect,
    normalize_axis,
    replace_axis,
)

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class ArgMax(Operation):
    """The positions of the `top_k` largest numbers, and their values.

    Args:
        axis: the axis to search along; None for all numbers of a sample, in the order C, H, W, with a result of shape
            (N, 1 or 2, top_k), and 1 for each further dimension.
        values: return the values: along an axis instead of the positions, else after them.
    """

    label = "largestplaces"

    axis: int | None = None
    top_k: int = 1
    values: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (shape,) = inputs
        if self.axis is None:
            with contextlib.suppress(UnknownDimension):
                expect(self.top_k <= count(shape[1:]), f"there are no {self.top_k} numbers")
            return ((shape[0], 2 if self.values else 1, self.top_k) + (1,) * (len(shape) - 3),)
        axis = normalize_axis(self.axis, len(shape))
        size = shape[axis]
        if axis == 0 or (size is not None and self.top_k > size):
            raise ShapeError(f"there are no {self.top_k} numbers along axis {axis}")
        return (replace_axis(shape, axis, self.top_k),)


@builds(ArgMax)
def build(operation: ArgMax, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer, after `Flatten` where it takes all numbers of a sample."""
    layer, top_k = context.layers.LargestPlaces, operation.top_k
    if operation.axis is not None:
        gives = "values" if operation.values else "places"
        return context.layer(layer, tensor, axis=context.axis(operation.axis), most=top_k, gives=gives)
    gives, shape = ("both", (None, 2, top_k)) if operation.values else ("places", (None, top_k))
    flat = context.layer(context.keras.layers.Flatten, context.to_nchw(tensor, context.rank), part="flatten")
    positions = context.layer(layer, flat, part="places", axis=1, most=top_k, gives=gives)
    return context.reshape(positions, shape, context.outputs[0])
