"""Reductions along one axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, expect, normalize_axis, replace_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class AxisReduction(SignPreserving):
    """The sum, mean, maximum or minimum along an axis, which is removed."""

    kind: Literal["sum", "mean", "maximum", "minimum"]
    axis: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would reduce the batch")
        return (replace_axis(inputs[0], axis),)


@builds(AxisReduction)
def build(operation: AxisReduction, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    tensor = context.to_nchw(tensor, context.rank)
    axes = (operation.axis % context.rank,)
    reduced = context.layer(context.layers.Reduce, tensor, kind=operation.kind, axes=axes)
    return context.to_nhwc(reduced, len(context.outputs[0]))
