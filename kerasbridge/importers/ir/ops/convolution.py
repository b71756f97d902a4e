"""Convolutions of images."""

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
    count,
    expect,
    image,
    same,
    side_pairs,
)

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Convolution(Operation):
    """A cross-correlation of images: the kernel is not flipped, sizes are rounded down.

    Args:
        weight: shape (out, in / groups, height, width).
        bias: shape (out,), or None.
        same: pad with zeros so that the output size is ``ceil(size / stride)``, with one more zero after the image than
            before it if their number is odd, instead of using `padding`: "SAME" in TensorFlow.
    """

    weight: Array
    bias: Array | None = None
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    same: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        filters, depth, *kernel = self.weight.shape
        expect(same(channels, depth * self.groups), f"its weights take {depth * self.groups} channels")
        expect(filters % self.groups == 0, f"{filters} filters cannot be divided into {self.groups} groups")
        if self.same:
            if max(self.stride) > 1 < max(self.dilation):
                count(tuple(size))  # no Keras layer has both: the padding is computed from the size
            strided = (None if n is None else -(-n // s) for n, s in zip(size, self.stride, strict=True))
            return ((batch, filters, *strided),)
        pads = (sum(self.padding[:2]), sum(self.padding[2:]))
        after = (
            None if n is None else (n + pad - dilation * (k - 1) - 1) // stride + 1
            for n, pad, k, stride, dilation in zip(size, pads, kernel, self.stride, self.dilation, strict=True)
        )
        return ((batch, filters, *after),)


@builds(Convolution)
def build(operation: Convolution, context: "LayerContext", images: Any) -> Any:
    """Build padding and `Conv2D`; `DepthwiseConv2D` if each channel is a group of its own."""
    filters, depth, *kernel = operation.weight.shape
    strided, dilated = max(operation.stride) > 1, max(operation.dilation) > 1
    same_size = _keeps_size(operation) or (operation.same and not (strided and dilated))
    if not same_size:
        images = context.zero_padding(images, side_pairs(_zeros_around(context, operation)))
    options: dict[str, Any] = {"kernel_size": kernel, "strides": operation.stride, "dilation_rate": operation.dilation}
    options["use_bias"] = operation.bias is not None
    weights = [context.hwio(operation.weight), operation.bias]
    if strided and dilated:
        make = partial(context.layers.StridedDilatedConv2D, filters=filters, groups=operation.groups)
        return context.layer(make, images, weights=weights, **options)
    options["padding"] = "same" if same_size else "valid"
    if depth == 1 < operation.groups and len({*operation.stride}) == 1:  # TensorFlow has no other strides there
        make = partial(context.keras.layers.DepthwiseConv2D, depth_multiplier=filters // operation.groups)
        by_channel = operation.weight.reshape(operation.groups, -1, *kernel).transpose(2, 3, 0, 1)
        return context.layer(make, images, weights=[by_channel, operation.bias], **options)
    make = partial(context.keras.layers.Conv2D, filters=filters, groups=operation.groups)
    return context.layer(make, images, weights=weights, **options)


def _keeps_size(operation: Convolution) -> bool:
    """Return whether the padding is "same" in Keras, whatever the size of the image."""
    top, bottom, left, right = operation.padding
    kernel = operation.weight.shape[2:]
    needed = [rate * (size - 1) for rate, size in zip(operation.dilation, kernel, strict=True)]
    return operation.stride == (1, 1) and any(needed) and [2 * top, 2 * left] == needed == [2 * bottom, 2 * right]


def _zeros_around(context: "LayerContext", operation: Convolution) -> Sides:
    """Return the zeros around the image, also for "same"."""
    if not operation.same:
        return operation.padding
    sides: list[int] = []
    options = (context.inputs[0][2:], operation.weight.shape[2:], operation.stride, operation.dilation)
    for size, kernel, stride, rate in zip(*options, strict=True):
        assert size is not None
        total = max((-(-size // stride) - 1) * stride + rate * (kernel - 1) + 1 - size, 0)
        sides += [total // 2, total - total // 2]
    return (sides[0], sides[1], sides[2], sides[3])
