"""Layouts of dense layers, convolutions and embeddings: PyTorch's "weight" and "bias", Lasagne's "W" and "b".

Convolutions are (out, in / groups, height, width) in both, transposed convolutions (in, out, height, width); dense
kernels are (out, in) in PyTorch and (in, out) in Lasagne. Lasagne's Conv2DLayer and TransposedConv2DLayer flip their
kernels along height and width; its DilatedConv2DLayer does not, and stores (in, out, height, width).
"""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot

ROLES = {"pytorch": ("weight", "bias"), "lasagne": ("W", "b")}


def dense(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of an (in, out) kernel, whose rows and columns the file may have in another order."""
    in_features, out_features = layer.kernel.shape
    rows, columns = context.input_index(in_features), context.output_index(out_features)

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        kernel = context.reorder(weight.T if context.pytorch else weight, rows)
        return [context.reorder(kernel.T, columns).T, *(context.reorder(array, columns) for array in bias)]

    shape = (out_features, in_features) if context.pytorch else (in_features, out_features)
    return [_slot_of(layer, context, [_layout(context, shape, (out_features,), layer.bias, to_keras)])]


def einsum_dense(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot for PyTorch's Linear, as a kernel of several axes, of which the contracted ones are its inputs."""
    source, kernel, result = re.split(r",|->", layer.equation.replace(" ", "").replace("...", ""))
    contracted = [axis for axis, letter in enumerate(kernel) if letter in source and letter not in result]
    others = [axis for axis in range(len(kernel)) if axis not in contracted]
    sizes = layer.kernel.shape
    in_features = math.prod(sizes[axis] for axis in contracted)
    out_features = math.prod(sizes[axis] for axis in others)
    order = [*others, *contracted]

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        transposed = weight.reshape([sizes[axis] for axis in order]).transpose(np.argsort(order))
        return [transposed, *(array.reshape(layer.bias.shape) for array in bias)]

    layout = _layout(context, (out_features, in_features), (out_features,), layer.bias, to_keras)
    return [_slot_of(layer, context, [layout])]


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

    layouts = [_layout(context, shape, (filters,), layer.bias, to_keras)]
    if not context.pytorch and math.prod(spatial) == 1:
        layouts.append(_layout(context, (depth, filters), (filters,), layer.bias, nin_layer_to_keras))
    return [_slot_of(layer, context, layouts)]


def transposed_convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (height, width, out, in) kernel."""
    *spatial, filters, depth = layer.kernel.shape

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [context.flip(weight).transpose(*range(2, weight.ndim), 1, 0), *bias]

    return [_slot_of(layer, context, [_layout(context, (depth, filters, *spatial), (filters,), layer.bias, to_keras)])]


def depthwise_convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (height, width, in, multiplier) kernel: a convolution with one group per input channel."""
    *spatial, depth, multiplier = layer.kernel.shape
    filters = depth * multiplier

    def to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [_depthwise_kernel(context.flip(weight), layer.kernel.shape), *bias]

    return [_slot_of(layer, context, [_layout(context, (filters, 1, *spatial), (filters,), layer.bias, to_keras)])]


def separable_convolution(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return two slots, for two layers of the file: a depthwise convolution without bias, and a pointwise one."""
    *spatial, depth, multiplier = layer.depthwise_kernel.shape
    pointwise_spatial, filters = layer.pointwise_kernel.shape[:-2], layer.pointwise_kernel.shape[-1]

    def depthwise_to_keras(weight: Array) -> list[Array]:
        return [_depthwise_kernel(context.flip(weight), layer.depthwise_kernel.shape)]

    def pointwise_to_keras(weight: Array, *bias: Array) -> list[Array]:
        return [weight.transpose(*range(2, weight.ndim), 1, 0), *bias]

    channels = depth * multiplier
    depthwise = _layout(context, (channels, 1, *spatial), (), None, depthwise_to_keras)
    pointwise = _layout(context, (filters, channels, *pointwise_spatial), (filters,), layer.bias, pointwise_to_keras)
    return [
        context.slot([layer.depthwise_kernel], [depthwise], "depthwise"),
        context.slot([layer.pointwise_kernel, layer.bias], [pointwise], "pointwise"),
    ]


def embedding(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of a (vocabulary, size) matrix, as in all frameworks."""
    layout = _layout(context, layer.embeddings.shape, (), None, lambda weight: [weight])
    return [context.slot([layer.embeddings], [layout])]


def prelu(layer: Any, context: SlotContext) -> list[WeightSlot]:
    """Return a slot of one slope per channel, or one for all."""
    shape, channels = layer.alpha.shape, layer.alpha.shape[-1]
    role = "weight" if context.pytorch else "alpha"
    index = context.input_index(channels) if len(shape) == 1 else None

    def to_keras(slopes: Array) -> list[Array]:
        return [np.broadcast_to(context.reorder(slopes, index) if slopes.size > 1 else slopes, shape)]

    layouts = [ArrayLayout((ArraySpec(role, (size,)),), to_keras) for size in dict.fromkeys((channels, 1))]
    return [context.slot([layer.alpha], layouts)]


def _slot_of(layer: Any, context: SlotContext, layouts: list[ArrayLayout]) -> WeightSlot:
    return context.slot([layer.kernel, layer.bias], layouts)


def _layout(
    context: SlotContext,
    kernel: tuple[int, ...],
    bias: tuple[int, ...],
    bias_variable: Any,
    to_keras: Callable[..., list[Array]],
) -> ArrayLayout:
    kernel_role, bias_role = ROLES[context.convention]
    arrays = (ArraySpec(kernel_role, tuple(kernel)), ArraySpec(bias_role, bias))
    return ArrayLayout(arrays if bias_variable is not None else arrays[:1], to_keras)


def _depthwise_kernel(weight: Array, shape: tuple[int, ...]) -> Array:
    return weight.reshape(*shape[-2:], *shape[:-2]).transpose(*range(2, len(shape)), 0, 1)
