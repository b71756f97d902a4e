"""Transposed convolutions of images."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import (
    Array,
    Operation,
    Pair,
    Shape,
    Sides,
    builds,
    expect,
    image,
    same,
    side_pairs,
)

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Deconvolution(Operation):
    """A transposed convolution, whose result is cropped.

    Args:
        weight: shape (in, out / groups, height, width).
        bias: shape (out,), or None.
        cropping: the rows and columns to remove: the padding of the convolution that it transposes.
    """

    weight: Array
    bias: Array | None = None
    stride: Pair = (1, 1)
    cropping: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        depth, filters, *kernel = self.weight.shape
        expect(same(channels, depth), f"its weights take {depth} channels")
        expect(depth % self.groups == 0, f"{depth} channels cannot be divided into {self.groups} groups")
        crops = (sum(self.cropping[:2]), sum(self.cropping[2:]))
        after = (
            None if n is None else (n - 1) * stride + dilation * (k - 1) + 1 - crop
            for n, crop, k, stride, dilation in zip(size, crops, kernel, self.stride, self.dilation, strict=True)
        )
        return ((batch, filters * self.groups, *after),)


@builds(Deconvolution)
def build(operation: Deconvolution, context: "LayerContext", images: Any) -> Any:
    """Build `Conv2DTranspose` or a kerasbridge layer, and `Cropping2D`."""
    _, filters, *kernel = operation.weight.shape
    options: dict[str, Any] = {
        "kernel_size": kernel,
        "strides": operation.stride,
        "filters": filters * operation.groups,
        "use_bias": operation.bias is not None,
    }
    overlap = all(size >= stride for size, stride in zip(kernel, operation.stride, strict=True))
    make: Any = context.keras.layers.Conv2DTranspose
    if operation.groups > 1 or max(operation.dilation) > 1 or not overlap:
        make = partial(context.layers.GroupedConv2DTranspose, dilation_rate=operation.dilation, groups=operation.groups)
    weights = [context.hwio(operation.weight), operation.bias]
    if not any(operation.cropping):
        return context.layer(make, images, weights=weights, **options)
    uncropped = context.layer(make, images, part="whole", weights=weights, **options)
    cropping = side_pairs(operation.cropping)
    return context.layer(context.keras.layers.Cropping2D, uncropped, cropping=cropping)
