"""Multiplication by a constant and addition of a constant."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class ScaleShift(Elementwise):
    """``scale * x + offset``."""

    label = "linear"

    scale: float = 1.0
    offset: float = 0.0


@builds(ScaleShift)
def build(operation: ScaleShift, context: "LayerContext", tensor: Any) -> Any:
    """Build `Rescaling`."""
    return context.layer(context.keras.layers.Rescaling, tensor, scale=operation.scale, offset=operation.offset)
