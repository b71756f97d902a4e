"""Images resized by interpolation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Pair, Shape, SignPreserving, builds, image

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Resize(SignPreserving):
    """Images resized by interpolation.

    Args:
        size: the height and width of the result; None to multiply both by `factors`.
        centred: pixel positions are the centres of their cells (half-pixel centres), not their corners.
        corners: align the corner pixels of the input and the result.
    """

    label = "resizing"

    kind: Literal["bilinear", "nearest"]
    size: Pair | None
    factors: Pair | None = None
    centred: bool = False
    corners: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        if self.size is not None:
            return ((batch, channels, *self.size),)
        assert self.factors is not None
        after = (None if n is None else n * factor for n, factor in zip(size, self.factors, strict=True))
        return ((batch, channels, *after),)


@builds(Resize)
def build(operation: Resize, context: "LayerContext", images: Any) -> Any:
    """Build `UpSampling2D` where it computes the same, else a kerasbridge layer."""
    if operation.factors is not None and operation.kind == "bilinear" and operation.centred:
        layer = context.keras.layers.UpSampling2D
        return context.layer(layer, images, size=operation.factors, interpolation="bilinear")
    layer = context.layers.Resize
    return context.layer(layer, images, **{name: getattr(operation, name) for name in layer.options})
