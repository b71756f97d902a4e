"""How dense layers, convolutions and embeddings are held: PyTorch's "weight" and "bias", Lasagne's "W" and "b".

Convolutions are (out, in / groups, height, width) in both, transposed ones (in, out, height, width); dense kernels are
(out, in) in PyTorch and (in, out) in Lasagne. Lasagne's Conv2DLayer turns its kernels in space, as its
TransposedConv2DLayer does; its DilatedConv2DLayer does not, and holds (in, out, height, width).
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


def dense(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """A kernel (in, out), its rows and columns in the file's order."""
    taken, given = layer.kernel.shape
    rows, columns = site.index(taken), site.index(given, made=True)

    def arranged(weight: Array, *bias: Array) -> list[Array]:
        kernel = site.reorder(weight.T if site.pytorch else weight, rows)
        return [site.reorder(kernel.T, columns).T, *(site.reorder(one, columns) for one in bias)]

    shape = (given, taken) if site.pytorch else (taken, given)
    return [site.slot([layer.kernel, layer.bias], [_form(site, shape, (given,), layer.bias, arranged)])]


def einsum_dense(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """PyTorch's Linear as a kernel of more than two axes: those that are summed over are its inputs."""
    source, kernel, result = re.split(r",|->", layer.equation.replace(" ", "").replace("...", ""))
    summed = [axis for axis, letter in enumerate(kernel) if letter in source and letter not in result]
    kept = [axis for axis in range(len(kernel)) if axis not in summed]
    sizes = layer.kernel.shape
    taken, given = math.prod(sizes[axis] for axis in summed), math.prod(sizes[axis] for axis in kept)
    order = [*kept, *summed]

    def arranged(weight: Array, *bias: Array) -> list[Array]:
        whole = weight.reshape([sizes[axis] for axis in order]).transpose(np.argsort(order))
        return [whole, *(one.reshape(layer.bias.shape) for one in bias)]

    return [site.slot([layer.kernel, layer.bias], [_form(site, (given, taken), (given,), layer.bias, arranged)])]


def convolution(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """(height, width, in / groups, out), of one, two or three dimensions of space."""
    *space, depth, filters = layer.kernel.shape
    swapped = not site.pytorch and max(layer.dilation_rate) > 1
    shape = (depth, filters, *space) if swapped else (filters, depth, *space)

    def arranged(weight: Array, *bias: Array) -> list[Array]:
        last = [*range(2, weight.ndim), *((0, 1) if swapped else (1, 0))]
        return [(weight if swapped else site.flip(weight)).transpose(last), *bias]

    def in_network(weight: Array, *bias: Array) -> list[Array]:
        return [weight.reshape(layer.kernel.shape), *bias]

    forms = [_form(site, shape, (filters,), layer.bias, arranged)]
    if not site.pytorch and math.prod(space) == 1:
        forms.append(_form(site, (depth, filters), (filters,), layer.bias, in_network))  # NINLayer
    return [site.slot([layer.kernel, layer.bias], forms)]


def transposed_convolution(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """(height, width, out, in)."""
    *space, filters, depth = layer.kernel.shape

    def arranged(weight: Array, *bias: Array) -> list[Array]:
        return [site.flip(weight).transpose(*range(2, weight.ndim), 1, 0), *bias]

    form = _form(site, (depth, filters, *space), (filters,), layer.bias, arranged)
    return [site.slot([layer.kernel, layer.bias], [form])]


def depthwise_convolution(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """(height, width, in, multiplier): a convolution in as many groups as channels come in."""
    *space, depth, multiplier = layer.kernel.shape
    filters = depth * multiplier

    def arranged(weight: Array, *bias: Array) -> list[Array]:
        return [_by_channel(site.flip(weight), layer.kernel.shape), *bias]

    form = _form(site, (filters, 1, *space), (filters,), layer.bias, arranged)
    return [site.slot([layer.kernel, layer.bias], [form])]


def separable_convolution(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """Two layers elsewhere: one of each channel by itself without a bias, and one of single pixels."""
    *space, depth, multiplier = layer.depthwise_kernel.shape
    pixels, filters = layer.pointwise_kernel.shape[:-2], layer.pointwise_kernel.shape[-1]

    def of_channels(weight: Array) -> list[Array]:
        return [_by_channel(site.flip(weight), layer.depthwise_kernel.shape)]

    def of_pixels(weight: Array, *bias: Array) -> list[Array]:
        return [weight.transpose(*range(2, weight.ndim), 1, 0), *bias]

    first = _form(site, (depth * multiplier, 1, *space), (), None, of_channels)
    second = _form(site, (filters, depth * multiplier, *pixels), (filters,), layer.bias, of_pixels)
    return [
        site.slot([layer.depthwise_kernel], [first], "depthwise"),
        site.slot([layer.pointwise_kernel, layer.bias], [second], "pointwise"),
    ]


def embedding(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """(words, size), as everywhere."""
    form = _form(site, layer.embeddings.shape, (), None, lambda weight: [weight])
    return [site.slot([layer.embeddings], [form])]


def prelu(layer: Any, site: SlotContext) -> list[WeightSlot]:
    """Slopes of each channel, or one of all."""
    shape, channels = layer.alpha.shape, layer.alpha.shape[-1]
    role = "weight" if site.pytorch else "alpha"
    index = site.index(channels) if len(shape) == 1 else None

    def arranged(slopes: Array) -> list[Array]:
        return [np.broadcast_to(site.reorder(slopes, index) if slopes.size > 1 else slopes, shape)]

    return [
        site.slot(
            [layer.alpha], [ArrayLayout((ArraySpec(role, (size,)),), arranged) for size in dict.fromkeys((channels, 1))]
        )
    ]


def _form(
    site: SlotContext, kernel: tuple[int, ...], bias: tuple[int, ...], biased: Any, arranged: Callable[..., list[Array]]
) -> ArrayLayout:
    roles = ROLES[site.convention]
    pieces = (ArraySpec(roles[0], tuple(kernel)), ArraySpec(roles[1], bias))
    return ArrayLayout(pieces if biased is not None else pieces[:1], arranged)


def _by_channel(weight: Array, shape: tuple[int, ...]) -> Array:
    return weight.reshape(*shape[-2:], *shape[:-2]).transpose(*range(2, len(shape)), 0, 1)
