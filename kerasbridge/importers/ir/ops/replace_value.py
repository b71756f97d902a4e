"""Replacement of small numbers by a constant."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class ReplaceValue(Elementwise):
    """The input, with `value` in place of numbers that are not above `threshold`."""

    label = "replacement"

    threshold: float
    value: float

    def nonnegative(self, *inputs: bool) -> bool:
        return self.value >= 0 and (inputs[0] or self.threshold >= 0)


@builds(ReplaceValue)
def build(operation: ReplaceValue, context: "LayerContext", tensor: Any) -> Any:
    """Build `ReLU` for 0 and 0, else a kerasbridge layer."""
    if operation.threshold == operation.value == 0:
        return context.layer(context.keras.layers.ReLU, tensor)
    return context.layer(context.layers.Replace, tensor, threshold=operation.threshold, value=operation.value)
