"""Constant padding along one axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Operation, Pair, Shape, builds, expect, normalize_axis, replace_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class ConstantPad(Operation):
    """The input padded with a constant `value` along an axis; `widths` are the numbers of cells before and after."""

    label = "margin"

    axis: int
    widths: Pair
    value: float = 0.0

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would make the batch longer")
        size = inputs[0][axis]
        return (replace_axis(inputs[0], axis, None if size is None else size + sum(self.widths)),)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0] and self.value >= 0


@builds(ConstantPad)
def build(operation: ConstantPad, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    axis = context.axis(operation.axis)
    return context.layer(context.layers.Margin, tensor, axis=axis, widths=operation.widths, value=operation.value)
