"""Clipping to a range."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Clip(Elementwise):
    """Numbers below `low` become `low`, those above `high` become `high`."""

    low: float
    high: float

    def nonnegative(self, *inputs: bool) -> bool:
        return self.low >= 0


@builds(Clip)
def build(operation: Clip, context: "LayerContext", tensor: Any) -> Any:
    """Build `ReLU` with a maximum if `low` is 0, else a kerasbridge layer."""
    if operation.low == 0 < operation.high:
        return context.layer(context.keras.layers.ReLU, tensor, max_value=operation.high)
    return context.layer(context.layers.Clip, tensor, low=operation.low, high=operation.high)
