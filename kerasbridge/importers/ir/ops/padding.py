"""Padding of images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Shape, Sides, SignPreserving, builds, expect, image, side_pairs

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Padding(SignPreserving):
    """Images padded on each side; a negative side crops.

    Args:
        kind: pad with zeros, with the image reflected at its edges, or with its edges repeated.
    """

    sides: Sides
    kind: Literal["zeros", "reflection", "edge"] = "zeros"

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        sides = (self.sides[:2], self.sides[2:])
        for n, added in zip(size, sides, strict=True):
            fits = n is None or self.kind != "reflection" or max(added) < n
            expect(fits, f"an image of {n} rows or columns cannot be reflected so far")
            expect(n is None or all(-side <= n for side in added), "it would cut off more than the image")
        return ((batch, channels, *(n if n is None else n + sum(added) for n, added in zip(size, sides, strict=True))),)


@builds(Padding)
def build(operation: Padding, context: "LayerContext", images: Any) -> Any:
    """Build `Cropping2D` and `ZeroPadding2D`, or a kerasbridge layer for other kinds than zeros."""
    cropped = side_pairs([max(-side, 0) for side in operation.sides])
    added = side_pairs([max(side, 0) for side in operation.sides])
    if any(map(any, cropped)):
        part = "crop" if any(map(any, added)) else ""
        images = context.layer(context.keras.layers.Cropping2D, images, part=part, cropping=cropped)
    if operation.kind == "zeros" or not any(map(any, added)):
        return context.zero_padding(images, added, part="")
    reflected = operation.kind == "reflection"
    return context.layer(context.layers.EdgePadding2D, images, padding=added, reflected=reflected)
