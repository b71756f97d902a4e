"""Transposed convolutions: the full output, and a crop.

The full output of n inputs has ``(n - 1) * stride + kernel`` elements. "same" keeps ``n * stride`` of them: Theano from
``kernel // 2`` on, TensorFlow from ``(kernel - stride) // 2`` on. Keras 3 on torch begins elsewhere if
``kernel - stride`` is odd.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Layer, Part
from kerasbridge.importers.keras_files.layers.base import KERNEL_ARGUMENTS, LayerConfig, converts, with_bias
from kerasbridge.importers.keras_files.layers.convolution import flip, flips_kernel, padding_argument
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


@converts("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def conv_transpose(config: LayerConfig) -> Layer:
    """Convert ConvTranspose; a kernel smaller than its stride is padded with zeros."""
    axes = config.spatial_rank
    size, strides, rate = (config.sizes(name) for name in ("kernel_size", "strides", "dilation_rate"))
    if max(rate) > 1 or config.get("output_padding") is not None:
        raise UnsupportedLayer("has dilation or output_padding, which is not supported")
    zeros = [max(0, stride - k) for k, stride in zip(size, strides, strict=True)]
    options = config.options("filters", *KERNEL_ARGUMENTS) | {"strides": strides, "padding": "valid"}
    options["kernel_size"] = tuple(k + added for k, added in zip(size, zeros, strict=True))
    data_format = config.data_format()
    flips = flips_kernel(config, size)
    cropping, padding_options = _cropping(config, size, strides)

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        kernel = flip(arrays[0], axes) if flips else arrays[0]
        kernel = np.pad(kernel, [*((0, added) for added in zeros), (0, 0), (0, 0)])
        return [[kernel, *arrays[1:]], *([()] if cropping else [])]

    parts = [Part(config.kind, options | padding_options, data_format, "whole" if cropping else "")]
    parts += [Part(f"Cropping{axes}D", {"cropping": cropping}, data_format)] if cropping else []
    return config.layer(*parts, weight_names=with_bias(config, "kernel"), arrange=arrange)


def _cropping(config: LayerConfig, size: Sequence[int], strides: Sequence[int]) -> tuple[Any, dict[str, Any]]:
    """Return the cropping of the full output, None for none, and the padding options of the convolution."""
    is_same, output_size = config.get("padding", "valid") == "same", _output_size(config)
    theano = config.origin.ran_on_theano(config.name) if is_same or output_size else False
    is_even = all(k >= stride and (k - stride) % 2 == 0 for k, stride in zip(size, strides, strict=True))
    if is_same and is_even and not theano and output_size is None:
        return None, {"padding": "same"}
    sides, missing = [], []
    for axis, (k, stride) in enumerate(zip(size, strides, strict=True)):
        last = stride if output_size is None else _last_step(output_size[axis], k, stride, is_same, theano)
        surplus = max(k, stride) - last if is_same or output_size is not None else 0
        before = (k // 2 if theano else max(surplus, 0) // 2) if is_same else 0
        sides.append((before, max(surplus - before, 0)))
        missing.append(max(before - surplus, 0))
    if any(missing) and any(k < stride for k, stride in zip(size, strides, strict=True)):
        raise UnsupportedLayer("has strides larger than its kernel, and an output larger than they produce")
    cropping = padding_argument(sides) if any(map(any, sides)) else None
    return cropping, {"output_padding": tuple(missing)} if any(missing) else {}


def _output_size(config: LayerConfig) -> list[int] | None:
    """Return the spatial size of the output, which Keras 1 stores; None for Keras 2."""
    shape = config.get("output_shape")
    if shape is None:
        return None
    spatial = shape[2:] if config.image_data_format() == CHANNELS_FIRST else shape[1:-1]
    return [int(size) for size in spatial][: config.spatial_rank]


def _last_step(output_size: int, k: int, stride: int, is_same: bool, theano: bool) -> int:
    """Return the output size minus ``(n - 1) * stride``, where n is the input size that leads to this output."""
    if is_same:
        n = (output_size + 2 * (k // 2) - k) // stride + 1 if theano else -(-output_size // stride)
    else:
        n = (output_size - k) // stride + 1
    return output_size - (n - 1) * stride
