"""Softmax and its logarithm."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, Shape, builds, normalize_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Softmax(Elementwise):
    """``exp(x) / sum(exp(x))`` along an axis, or its logarithm."""

    axis: int = 1
    logarithm: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        normalize_axis(self.axis, len(inputs[0]))
        return super().shapes(*inputs)

    def nonnegative(self, *inputs: bool) -> bool:
        return not self.logarithm


@builds(Softmax)
def build(operation: Softmax, context: "LayerContext", tensor: Any) -> Any:
    """Build `Softmax`; for its logarithm `Activation`, which computes along the last axis."""
    if operation.logarithm:
        return _log_softmax(context, tensor, context.axis(operation.axis))
    return context.layer(context.keras.layers.Softmax, tensor, axis=context.last_axis(operation.axis))


def _log_softmax(context: "LayerContext", tensor: Any, axis: int) -> Any:
    order = [place for place in range(1, context.rank) if place != axis] + [axis]
    moved = axis != context.rank - 1
    tensor = context.permute(tensor, order, part="axis_last") if moved else tensor
    tensor = context.layer(context.keras.layers.Activation, tensor, activation="log_softmax")
    inverse = [order.index(place) + 1 for place in range(1, context.rank)]
    return context.permute(tensor, inverse, part="axis_back") if moved else tensor
