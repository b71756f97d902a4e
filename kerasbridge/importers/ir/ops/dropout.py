"""Dropout."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, SignPreserving, builds

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Dropout(SignPreserving, Elementwise):
    """The identity; in training a fraction `rate` of the inputs is set to 0, the rest multiplied by 1 / (1 - rate).

    Args:
        channels: set whole channels of images to 0.
    """

    rate: float
    channels: bool = False


@builds(Dropout)
def build(operation: Dropout, context: "LayerContext", tensor: Any) -> Any:
    """Build `Dropout`, or `SpatialDropout2D`."""
    stock = context.keras.layers
    return context.layer(stock.SpatialDropout2D if operation.channels else stock.Dropout, tensor, rate=operation.rate)
