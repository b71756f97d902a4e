"""Concatenation of images of different sizes along the channels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Operation, Shape, Sides, builds, count, image, side_pairs

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class DepthConcat(Operation):
    """Images concatenated along the channels, after centring the smaller ones in zeros.

    There is one more zero after an image than before it if their number is odd.
    """

    label = "centeredconcatenation"

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        sizes = [image(shape) for shape in inputs]
        channels = sum(shape[1] or 0 for shape in sizes)
        return ((sizes[0][0], channels, *(max(count((shape[axis],)) for shape in sizes) for axis in (2, 3))),)

    def sides(self, shape: Shape, largest: Shape) -> Sides:
        """Return the zeros that pad images of this shape to the height and width of the largest."""
        missing = [count((largest[axis],)) - count((shape[axis],)) for axis in (2, 3)]
        return (missing[0] // 2, -(-missing[0] // 2), missing[1] // 2, -(-missing[1] // 2))

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)


@builds(DepthConcat)
def build(operation: DepthConcat, context: "LayerContext", *tensors: Any) -> Any:
    """Build `ZeroPadding2D` for the smaller images, and `Concatenate`."""
    padded = [
        context.zero_padding(images, side_pairs(operation.sides(shape, context.outputs[0])), part=f"pad_{place}")
        for place, (shape, images) in enumerate(zip(context.inputs, tensors, strict=True))
    ]
    return context.layer(context.keras.layers.Concatenate, padded) if len(padded) > 1 else padded[0]
