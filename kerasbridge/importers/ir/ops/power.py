"""Elementwise powers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Power(Elementwise):
    """``x ** exponent``."""

    exponent: float


@builds(Power)
def build(operation: Power, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    return context.layer(context.layers.Power, tensor, exponent=operation.exponent)
