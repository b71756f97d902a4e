"""Scaling of rows to unit norm."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, Shape, SignPreserving, builds, expect

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class L2Normalize(SignPreserving, Elementwise):
    """``x / (sum(|x| ** power) + epsilon) ** (1 / power)`` for each row of a tensor of rank 2."""

    label = "unitlength"

    power: float = 2.0
    epsilon: float = 1e-10

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) == 2, "expected rows of numbers")
        return super().shapes(*inputs)


@builds(L2Normalize)
def build(operation: L2Normalize, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    return context.layer(context.layers.UnitLength, tensor, power=operation.power, epsilon=operation.epsilon)
