"""Convolutions with another kernel at each place, and the three ways in which Keras 2 keeps their weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, check_softmax, expect, with_bias
from kerasbridge.importers.keras_files.layers.convolution import pairs
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


@dataclass(frozen=True)
class Windows:
    """Windows over images, and the weights of each.

    Args:
        filters: how many numbers come out of each.
        size, strides: a number for each axis.
        around: how many zeros lie before and behind the image along each.
        first: whether the weights are for images with the channels first.
    """

    filters: int
    size: Sequence[int]
    strides: Sequence[int]
    around: Sequence[tuple[int, int]]
    first: bool

    def fitted(self, arrays: Sequence[Array], shape: Shape) -> Sequence[Array]:
        """Kernel and bias as `kerasbridge.layers.LocallyConnected2D` has them.

        A kernel of (places, features, filters) is of implementation 1, or of before there were others; one that joins
        all that comes in to all that comes out of 2; a row of numbers of 3 (`keras/layers/local.py` of 2.7).
        """
        if None in shape[1:]:
            raise ValueError(f"images of one size alone fit it, these are {shape}")
        *padded, channels = [int(size or 0) for size in shape[1:]]
        sizes = [size - sum(sides) for size, sides in zip(padded, self.around, strict=True)]
        windows = zip(padded, self.size, self.strides, strict=True)
        places = [(size - window) // stride + 1 for size, window, stride in windows]
        kernel, *bias = arrays
        if min(places) < 1:
            raise ValueError(f"windows of {tuple(self.size)} do not go into {tuple(sizes)}")
        if kernel.ndim == 3:
            kernel = self._from_rows(kernel, places, channels)
        elif kernel.ndim == 2 * len(sizes) + 2:
            kernel = self._from_whole(kernel, sizes, places, channels)
        else:
            kernel = self._from_list(kernel, sizes, places, channels)
        return [kernel, *(self._bias(one, places) for one in bias)]

    def _from_rows(self, kernel: Array, places: Sequence[int], channels: int) -> Array:
        """Of implementation 1: features are channels and cells, in the order of the images."""
        cells, filters = prod(self.size), self.filters
        expect(kernel, (prod(places), cells * channels, filters))
        if self.first:
            kernel = kernel.reshape(-1, channels, cells, filters).swapaxes(1, 2)
        return kernel.reshape(-1, cells * channels, filters)

    def _from_whole(self, kernel: Array, sizes: Sequence[int], places: Sequence[int], channels: int) -> Array:
        """Of implementation 2: from every cell to every place, of which only those within a window count."""
        axes, filters = len(sizes), self.filters
        if self.first:
            expect(kernel, (channels, *sizes, filters, *places))
            kernel = np.moveaxis(kernel, (0, axes + 1), (axes, -1))
        else:
            expect(kernel, (*sizes, channels, *places, filters))
        cells = self._cells(sizes, places, kernel.size)
        kernel = kernel.reshape(prod(sizes), channels, prod(places), filters)
        found = kernel[cells, :, np.arange(prod(places))[:, None], :]
        return np.where(cells[..., None, None] < 0, 0, found).reshape(prod(places), -1, filters)

    def _from_list(self, kernel: Array, sizes: Sequence[int], places: Sequence[int], channels: int) -> Array:
        """Of implementation 3: the same without the zeros, sorted by what comes out, then by what goes in."""
        within = self._cells(sizes, places, kernel.size) >= 0
        filters = self.filters
        expect(kernel, (filters * channels * int(within.sum()),))
        if self.first:
            there, order = within[None, :, None, :], (1, 3, 2, 0)
        else:
            there, order = within[:, None, :, None], (0, 2, 3, 1)
        shape = (filters, prod(places), channels, prod(self.size))
        whole = np.zeros(shape if self.first else (shape[1], filters, shape[3], channels), kernel.dtype)
        whole[np.broadcast_to(there, whole.shape)] = kernel
        return whole.transpose(order).reshape(prod(places), -1, filters)

    def _cells(self, sizes: Sequence[int], places: Sequence[int], held: int) -> Any:
        """By the place of each window its cells, all numbered row by row; -1 for those around the image."""
        count = prod(places)
        if any(k > 2 * size for k, size in zip(self.size, sizes, strict=True)) or count * prod(self.size) > 4 * held:
            raise ValueError(
                f"windows of {tuple(self.size)} over {tuple(sizes)} have more cells than there are weights"
            )
        numbers = np.pad(np.arange(prod(sizes)).reshape(sizes), self.around, constant_values=-1)
        windows = np.lib.stride_tricks.sliding_window_view(numbers, tuple(self.size))
        return windows[tuple(slice(None, None, stride) for stride in self.strides)].reshape(count, -1)

    def _bias(self, bias: Array, places: Sequence[int]) -> Array:
        """(…, filters), whose numbers Keras took as (filters, …) for images with the channels first."""
        expect(bias, (*places, self.filters))
        return np.moveaxis(bias.reshape(self.filters, *places), 0, -1) if self.first else bias


def _unshared(axes: int) -> Callable[[Said], Layer]:
    """What makes a layer with some axes. Padding "same" puts half the window before the image, as on Theano."""

    def layer(said: Said) -> Layer:
        size, strides = said.numbers("kernel_size", axes), said.numbers("strides", axes)
        padding = said.get("padding", "valid")
        if padding not in ("valid", "same") or min(*size, *strides) < 1:
            raise UnsupportedLayer(f"has the padding {padding!r}, windows of {size} and strides of {strides}")
        order = said.data_format(axes)
        reformed = said.get("implementation", 1) != 1
        names = [name for name in WEIGHTED if not (reformed and name == "kernel_constraint")]
        options = said.options("filters", *names) | {"kernel_size": size, "strides": strides}
        check_softmax(options, order)
        left_out = reformed and said.get("kernel_constraint")
        notes = ("its kernel_constraint is left out: it is of a kernel in another form",) if left_out else ()
        sides = [(k // 2, k - 1 - k // 2) if padding == "same" else (0, 0) for k in size]
        windows = Windows(options["filters"], size, strides, sides, order == CHANNELS_FIRST)
        main = Part(f"LocallyConnected{axes}D", options, order, fit=windows.fitted)
        if padding == "valid":
            return said.layer(main, names=with_bias(said, "kernel"), notes=notes)
        pad = Part(f"ZeroPadding{axes}D", {"padding": pairs(sides)}, order, "pad")
        return said.layer(pad, main, names=with_bias(said, "kernel"), notes=notes, arrange=lambda arrays: [(), arrays])

    return layer


TABLE: Table = {"LocallyConnected1D": _unshared(1), "LocallyConnected2D": _unshared(2)}
