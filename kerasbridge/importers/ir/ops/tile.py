"""Tiling along an axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, expect, normalize_axis, replace_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Tile(SignPreserving):
    """The input repeated `copies` times along an axis."""

    label = "tiling"

    axis: int
    copies: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0 and self.copies > 0, "it has to copy numbers within a sample")
        size = inputs[0][axis]
        return (replace_axis(inputs[0], axis, None if size is None else size * self.copies),)


@builds(Tile)
def build(operation: Tile, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    return context.layer(context.layers.Tile, tensor, axis=context.axis(operation.axis), copies=operation.copies)
