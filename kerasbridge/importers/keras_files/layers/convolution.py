"""Convolutions. Theano flips kernels, and pads differently for "same"."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import (
    KERNEL_ARGUMENTS,
    LayerConfig,
    check_softmax,
    converts,
    with_bias,
)
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_DEPTHWISE = ("depthwise_initializer", "depthwise_regularizer", "depthwise_constraint")
_POINTWISE = ("pointwise_initializer", "pointwise_regularizer", "pointwise_constraint")
_BIAS = tuple(name for name in KERNEL_ARGUMENTS if not name.startswith("kernel"))


@converts("Conv1D", "Conv2D", "Conv3D")
def conv(config: LayerConfig) -> Layer:
    """Convert Conv."""
    return _convolution(config, ("kernel",), "filters", "groups", *KERNEL_ARGUMENTS)


@converts("SeparableConv1D", "SeparableConv2D")
def separable_conv(config: LayerConfig) -> Layer:
    """Convert SeparableConv."""
    kernels = ("depthwise_kernel", "pointwise_kernel")
    return _convolution(config, kernels, "filters", "depth_multiplier", *_BIAS, *_DEPTHWISE, *_POINTWISE)


@converts("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_conv(config: LayerConfig) -> Layer:
    """Convert DepthwiseConv."""
    return _convolution(config, ("depthwise_kernel",), "depth_multiplier", *_BIAS, *_DEPTHWISE)


def _convolution(config: LayerConfig, kernels: Sequence[str], *names: str) -> Layer:
    """Convert a convolution.

    Args:
        kernels: the names of its kernels, beginning with the one that has spatial axes.
        names: its arguments except the sizes of its windows.
    """
    axes = config.spatial_rank
    size, strides, rate = (config.sizes(name) for name in ("kernel_size", "strides", "dilation_rate"))
    if max(strides) > 1 and max(rate) > 1:
        raise UnsupportedLayer("has both strides and dilation, which Keras 3 does not support")
    options = config.options(*names) | {"kernel_size": size, "strides": strides, "dilation_rate": rate}
    padding, zeros = _padding(config, [rate * (k - 1) + 1 for rate, k in zip(rate, size, strict=True)])
    data_format = config.data_format()
    main = Part(config.kind, options | {"padding": padding}, data_format)
    pad = (Part(f"ZeroPadding{axes}D", {"padding": zeros}, data_format, "pad"),) if zeros else ()
    check_softmax(options, data_format)
    flips = flips_kernel(config, size)

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        kernel = flip(arrays[0], axes) if flips else arrays[0]
        return [()] * len(pad) + [[kernel, *arrays[1:]]]

    return config.layer(*pad, main, weight_names=with_bias(config, *kernels), arrange=arrange)


def _padding(config: LayerConfig, window: Sequence[int]) -> tuple[str, Any]:
    """Return the padding in Keras 3, and zeros to add before the layer if Keras 3 has no such padding, else None.

    On Theano, "same" pads by half the kernel on both sides, and computes only ceil(n / stride) outputs: zeros of
    ``window // 2`` before and ``window - 1 - window // 2`` after give the same.

    Args:
        window: the size of the dilated kernel along each axis.
    """
    padding = config.get("padding", "valid")
    if padding == "full":
        return "valid", padding_argument([(size - 1, size - 1) for size in window])
    is_symmetric = max(config.sizes("strides")) == 1 and all(size % 2 for size in window)
    if padding == "same" and not is_symmetric and config.origin.ran_on_theano(config.name):
        return "valid", padding_argument([(size // 2, size - 1 - size // 2) for size in window])
    if padding not in ("valid", "same", "causal"):
        raise UnsupportedLayer(f"has the padding {padding!r}")
    return padding, None


def padding_argument(sides: list[tuple[int, int]]) -> Any:
    """Return the `padding` or `cropping` argument for (before, after) of each axis: for one axis only the pair."""
    return sides[0] if len(sides) == 1 else tuple(sides)


def flips_kernel(config: LayerConfig, size: Sequence[int]) -> bool:
    """Return whether to flip a kernel of this size; one of size 1 is symmetric."""
    return max(size) > 1 and config.origin.flips_kernels(config.name)


def flip(kernel: Array, axes: int) -> Array:
    """Return a kernel reversed along its first axes, which are spatial."""
    return np.ascontiguousarray(kernel[(slice(None, None, -1),) * axes])
