"""Convolutions: (out, in / groups, height, width) in PyTorch and Lasagne, transposed ones (in, out, height, width).

Lasagne's Conv2DLayer and TransposedConv2DLayer flip their kernels along height and width; its DilatedConv2DLayer does
not, and stores (in, out, height, width).
"""

import math
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.layouts.base import kernel_layout, kernel_slot, slots_for
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.keras_compat import keras

L = keras.layers


@slots_for(L.Conv1D, L.Conv2D, L.Conv3D)
def convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (height, width, in / groups, out) kernel, of one, two or three spatial dimensions."""
    *spatial, depth, filters = layer.kernel.shape
    swapped = not context.pytorch and max(layer.dilation_rate) > 1
    shape = (depth, filters, *spatial) if swapped else (filters, depth, *spatial)

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        axes = [*range(2, weight.ndim), *((0, 1) if swapped else (1, 0))]
        return [(weight if swapped else context.flip(weight)).transpose(axes), *bias]

    def nin_layer_to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [weight.reshape(layer.kernel.shape), *bias]

    layouts = [kernel_layout(context, shape, (filters,), layer.bias, to_keras)]
    if not context.pytorch and math.prod(spatial) == 1:
        layouts.append(kernel_layout(context, (depth, filters), (filters,), layer.bias, nin_layer_to_keras))
    return [kernel_slot(layer, context, layouts)]


@slots_for(L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose)
def transposed_convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (height, width, out, in) kernel."""
    *spatial, filters, depth = layer.kernel.shape

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [context.flip(weight).transpose(*range(2, weight.ndim), 1, 0), *bias]

    layout = kernel_layout(context, (depth, filters, *spatial), (filters,), layer.bias, to_keras)
    return [kernel_slot(layer, context, [layout])]


@slots_for(L.DepthwiseConv1D, L.DepthwiseConv2D)
def depthwise_convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (height, width, in, multiplier) kernel: a convolution with one group per input channel."""
    *spatial, depth, multiplier = layer.kernel.shape
    filters = depth * multiplier

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [_depthwise_kernel(context.flip(weight), layer.kernel.shape), *bias]

    layout = kernel_layout(context, (filters, 1, *spatial), (filters,), layer.bias, to_keras)
    return [kernel_slot(layer, context, [layout])]


@slots_for(L.SeparableConv1D, L.SeparableConv2D)
def separable_convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return two slots, for two layers of the file: a depthwise convolution without bias, and a pointwise one."""
    *spatial, depth, multiplier = layer.depthwise_kernel.shape
    *pointwise_spatial, _, filters = layer.pointwise_kernel.shape

    def depthwise_to_keras(weight: Array) -> list[Array]:
        return [_depthwise_kernel(context.flip(weight), layer.depthwise_kernel.shape)]

    def pointwise_to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [weight.transpose(*range(2, weight.ndim), 1, 0), *bias]

    channels = depth * multiplier
    depthwise = kernel_layout(context, (channels, 1, *spatial), (), None, depthwise_to_keras)
    pointwise_shape = (filters, channels, *pointwise_spatial)
    pointwise = kernel_layout(context, pointwise_shape, (filters,), layer.bias, pointwise_to_keras)
    return [
        context.slot([layer.depthwise_kernel], [depthwise], "depthwise"),
        context.slot([layer.pointwise_kernel, layer.bias], [pointwise], "pointwise"),
    ]


def _depthwise_kernel(weight: Array, shape: tuple[int, ...]) -> Array:
    return weight.reshape(*shape[-2:], *shape[:-2]).transpose(*range(2, len(shape)), 0, 1)
