"""Comparison with a threshold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Threshold(Elementwise):
    """1 where a number is above `threshold`, else 0."""

    threshold: float

    def nonnegative(self, *inputs: bool) -> bool:
        return True


@builds(Threshold)
def build(operation: Threshold, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    return context.layer(context.layers.Threshold, tensor, threshold=operation.threshold)
