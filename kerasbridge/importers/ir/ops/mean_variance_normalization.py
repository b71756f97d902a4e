"""Normalization of each sample by its own mean and variance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Elementwise, Shape, builds, image

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class MeanVarianceNormalization(Elementwise):
    """``(x - mean) / (sqrt(variance) + epsilon)`` for each channel of each sample, or for each sample.

    Args:
        across_channels: compute mean and variance over all channels of a sample.
        divide: divide by the standard deviation; else only subtract the mean.
    """

    label = "standardization"

    across_channels: bool
    divide: bool = True
    epsilon: float = 1e-9

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        image(inputs[0])
        return super().shapes(*inputs)


@builds(MeanVarianceNormalization)
def build(operation: MeanVarianceNormalization, context: "LayerContext", images: Any) -> Any:
    """Build a kerasbridge layer."""
    layer = context.layers.MeanVarianceNormalization
    return context.layer(layer, images, **{name: getattr(operation, name) for name in layer.options})
