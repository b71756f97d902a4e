"""Upsampling by repetition of pixels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Pair, Shape, SignPreserving, builds, image

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Upsample(SignPreserving):
    """Each pixel of an image repeated `factors` times in height and width."""

    label = "upsampling"

    factors: Pair

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        after = (None if n is None else n * factor for n, factor in zip(size, self.factors, strict=True))
        return ((batch, channels, *after),)


@builds(Upsample)
def build(operation: Upsample, context: "LayerContext", images: Any) -> Any:
    """Build `UpSampling2D`."""
    return context.layer(context.keras.layers.UpSampling2D, images, size=operation.factors)
