"""Reductions over all axes from a given one on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Operation, Shape, builds, expect, normalize_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Reduction(Operation):
    """The sum or mean over all axes from `axis` on, times `coefficient`."""

    kind: Literal["sum", "absolute sum", "sum of squares", "mean"]
    axis: int
    coefficient: float = 1.0

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would reduce the whole batch to one number: set the axis to 1")
        return (inputs[0][:axis],)


@builds(Reduction)
def build(operation: Reduction, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    rows = context.rank == 4 and operation.axis % 4 == 3  # N, C, H is the order of the result
    axes = (3,) if rows else context.axes(operation.axis)
    tensor = context.to_nchw(tensor, 4) if rows else tensor
    layer = context.layers.Reduce
    return context.layer(layer, tensor, kind=operation.kind, axes=axes, coefficient=operation.coefficient)
