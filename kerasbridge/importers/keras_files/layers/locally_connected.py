"""Locally connected layers, and the three forms in which Keras 2 stores their kernels."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Layer, Part
from kerasbridge.importers.keras_files.layers.base import (
    KERNEL_ARGUMENTS,
    LayerConfig,
    check_shape,
    check_softmax,
    converts,
    with_bias,
)
from kerasbridge.importers.keras_files.layers.convolution import padding_argument
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


@converts("LocallyConnected1D", "LocallyConnected2D")
def locally_connected(config: LayerConfig) -> Layer:
    """Convert LocallyConnected; padding "same" puts half the window before the image, as on Theano."""
    axes, size, strides = config.spatial_rank, config.sizes("kernel_size"), config.sizes("strides")
    padding = config.get("padding", "valid")
    if padding not in ("valid", "same") or min(*size, *strides) < 1:
        raise UnsupportedLayer(f"has the padding {padding!r}, windows of {size} and strides of {strides}")
    data_format = config.data_format()
    # A kernel_constraint applies to the kernel as it is stored, which is ours for implementation 1 only.
    other_kernel = config.get("implementation", 1) != 1
    names = [name for name in KERNEL_ARGUMENTS if not (other_kernel and name == "kernel_constraint")]
    options = config.options("filters", *names) | {"kernel_size": size, "strides": strides}
    check_softmax(options, data_format)
    drops_constraint = other_kernel and config.get("kernel_constraint")
    notes = ("its kernel_constraint is left out: it is for a kernel of another shape",) if drops_constraint else ()
    sides = [(k // 2, k - 1 - k // 2) if padding == "same" else (0, 0) for k in size]
    kernels = KernelConverter(options["filters"], size, strides, sides, data_format == CHANNELS_FIRST)
    main = Part(f"LocallyConnected{axes}D", options, data_format, build_weights=kernels.build_weights)
    weight_names = with_bias(config, "kernel")
    if padding == "valid":
        return config.layer(main, weight_names=weight_names, notes=notes)
    pad = Part(f"ZeroPadding{axes}D", {"padding": padding_argument(sides)}, data_format, "pad")
    return config.layer(pad, main, weight_names=weight_names, notes=notes, arrange=lambda arrays: [(), arrays])


@dataclass(frozen=True)
class KernelConverter:
    """Converts the kernel and bias of a layer to those of `kerasbridge.layers.LocallyConnected2D`.

    Args:
        filters: the number of outputs of each window.
        size, strides: of the windows, along each axis.
        padding: the number of zeros before and after the image, along each axis.
        channels_first: whether the weights are for images with the channels first.
    """

    filters: int
    size: Sequence[int]
    strides: Sequence[int]
    padding: Sequence[tuple[int, int]]
    channels_first: bool

    def build_weights(self, arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        """Return the kernel and the bias.

        A kernel of (windows, features, filters) is of implementation 1 or of earlier versions; a dense one from all
        inputs to all outputs of implementation 2; a flat list of implementation 3 (`keras/layers/local.py` of 2.7).
        """
        if None in input_shape[1:]:
            raise ValueError(f"expected images of a fixed size, received {input_shape}")
        *padded, channels = [int(size or 0) for size in input_shape[1:]]
        sizes = [size - sum(sides) for size, sides in zip(padded, self.padding, strict=True)]
        windows = zip(padded, self.size, self.strides, strict=True)
        counts = [(size - window) // stride + 1 for size, window, stride in windows]
        kernel, *bias = arrays
        if min(counts) < 1:
            raise ValueError(f"windows of {tuple(self.size)} are larger than images of {tuple(sizes)}")
        if kernel.ndim == 3:
            kernel = self._from_windows(kernel, counts, channels)
        elif kernel.ndim == 2 * len(sizes) + 2:
            kernel = self._from_dense(kernel, sizes, counts, channels)
        else:
            kernel = self._from_sparse(kernel, sizes, counts, channels)
        return [kernel, *(self._bias(one, counts) for one in bias)]

    def _from_windows(self, kernel: Array, counts: Sequence[int], channels: int) -> Array:
        """Convert a kernel of implementation 1: the features are channels and pixels, in the order of the images."""
        pixels, filters = prod(self.size), self.filters
        check_shape(kernel, (prod(counts), pixels * channels, filters))
        if self.channels_first:
            kernel = kernel.reshape(-1, channels, pixels, filters).swapaxes(1, 2)
        return kernel.reshape(-1, pixels * channels, filters)

    def _from_dense(self, kernel: Array, sizes: Sequence[int], counts: Sequence[int], channels: int) -> Array:
        """Convert a kernel of implementation 2: from every pixel to every window, which uses only those inside it."""
        axes, filters = len(sizes), self.filters
        if self.channels_first:
            check_shape(kernel, (channels, *sizes, filters, *counts))
            kernel = np.moveaxis(kernel, (0, axes + 1), (axes, -1))
        else:
            check_shape(kernel, (*sizes, channels, *counts, filters))
        pixels = self._pixels(sizes, counts, kernel.size)
        kernel = kernel.reshape(prod(sizes), channels, prod(counts), filters)
        used = kernel[pixels, :, np.arange(prod(counts))[:, None], :]
        return np.where(pixels[..., None, None] < 0, 0, used).reshape(prod(counts), -1, filters)

    def _from_sparse(self, kernel: Array, sizes: Sequence[int], counts: Sequence[int], channels: int) -> Array:
        """Convert a kernel of implementation 3: as 2 without the zeros, sorted by output, then by input."""
        inside = self._pixels(sizes, counts, kernel.size) >= 0
        filters, windows = self.filters, prod(counts)
        check_shape(kernel, (filters * channels * int(inside.sum()),))
        if self.channels_first:
            shape = (filters, windows, channels, prod(self.size))
            mask, order = inside[None, :, None, :], (1, 3, 2, 0)
        else:
            shape = (windows, filters, prod(self.size), channels)
            mask, order = inside[:, None, :, None], (0, 2, 3, 1)
        dense = np.zeros(shape, kernel.dtype)
        dense[np.broadcast_to(mask, shape)] = kernel
        return dense.transpose(order).reshape(windows, -1, filters)

    def _pixels(self, sizes: Sequence[int], counts: Sequence[int], num_weights: int) -> Any:
        """Return the pixels of each window as (windows, pixels), numbered in row-major order; -1 in the padding."""
        count = prod(counts)
        is_large = any(k > 2 * size for k, size in zip(self.size, sizes, strict=True))
        if is_large or count * prod(self.size) > 4 * num_weights:
            raise ValueError(f"windows of {tuple(self.size)} over {tuple(sizes)} have more pixels than weights")
        numbers = np.pad(np.arange(prod(sizes)).reshape(sizes), self.padding, constant_values=-1)
        windows = np.lib.stride_tricks.sliding_window_view(numbers, tuple(self.size))
        return windows[tuple(slice(None, None, stride) for stride in self.strides)].reshape(count, -1)

    def _bias(self, bias: Array, counts: Sequence[int]) -> Array:
        """Return the bias (…, filters); for images with the channels first, Keras read its elements as (filters, …)."""
        check_shape(bias, (*counts, self.filters))
        return np.moveaxis(bias.reshape(self.filters, *counts), 0, -1) if self.channels_first else bias
