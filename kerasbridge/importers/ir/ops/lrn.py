"""Local response normalization."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, Shape, SignPreserving, builds, image

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class LRN(SignPreserving, Elementwise):
    """``x * (kappa + alpha * sum of squares in a window) ** -beta``.

    Args:
        size: the size of the window, which reaches from -floor((size - 1) / 2) to ceil((size - 1) / 2).
        alpha: the factor of the sum; importers of formats that divide it by the size of the window do so beforehand.
        across: the window spans channels; else it is a square within each channel.
    """

    label = "localresponse"

    size: int
    kappa: float
    alpha: float
    beta: float
    across: bool = True

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        image(inputs[0])
        return super().shapes(*inputs)


@builds(LRN)
def build(operation: LRN, context: "LayerContext", images: Any) -> Any:
    """Build a kerasbridge layer."""
    layer = context.layers.LocalResponseNormalization
    return context.layer(layer, images, **{name: getattr(operation, name) for name in layer.options})
