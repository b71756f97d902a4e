"""Convolutions whose kernel is another one at each place, which Keras 3 has no longer."""

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Weighted

ops = keras.ops


class _LocallyConnected(Weighted):
    options: ClassVar[tuple[str, ...]] = ("filters", "kernel_size", "strides")

    def __init__(self, filters: int, kernel_size: Sequence[int], strides: Sequence[int], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.filters, self.kernel_size, self.strides = filters, tuple(kernel_size), tuple(strides)

    def build(self, shape: Sequence[int | None]) -> None:
        """Make the kernel, shape (places, cells of a window * channels, filters), and the bias, (…, filters)."""
        if None in shape[1:]:
            raise ValueError(f"Expected {type(self).__name__} to take one size alone, received {tuple(shape)}.")
        *sizes, channels = [int(size or 0) for size in shape[1:]]
        self.places = self._places(sizes)
        if min(self.places) < 1:
            raise ValueError(f"Expected windows of {self.kernel_size} to fit, received {tuple(shape)}.")
        self.windows = self._cells(sizes)
        self.kernel = self._add("kernel", (prod(self.places), prod(self.kernel_size) * channels, self.filters))
        self.bias = self._add("bias", (*self.places, self.filters))

    def call(self, images: Any) -> Any:
        """Images with the channels last, of the size that the layer was built for, to the same with fewer cells."""
        *sizes, channels = images.shape[1:]
        cells = ops.take(ops.reshape(images, (-1, prod(sizes), channels)), self.windows, axis=1)
        features = ops.reshape(cells, (-1, len(self.windows), self.windows.shape[1] * channels))
        found = ops.transpose(ops.matmul(ops.transpose(features, (1, 0, 2)), self.kernel), (1, 0, 2))
        found = ops.reshape(found, (-1, *self.places, self.filters))
        return self.activation(found if self.bias is None else found + self.bias)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """(batch, …, filters)."""
        return (shape[0], *self._places([size for size in shape[1:-1] if size is not None]), self.filters)

    def _places(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """How many windows lie along each axis."""
        windows = zip(sizes, self.kernel_size, self.strides, strict=True)
        return tuple((size - window) // stride + 1 for size, window, stride in windows)

    def _cells(self, sizes: Sequence[int]) -> Any:
        """By the place of each window its cells, all numbered row by row, shape (places, cells of a window)."""
        numbers = np.arange(prod(sizes), dtype=np.int32).reshape(sizes)
        windows = np.lib.stride_tricks.sliding_window_view(numbers, self.kernel_size)
        kept = windows[tuple(slice(None, None, stride) for stride in self.strides)]
        return kept.reshape(prod(self.places), -1)


@keras.saving.register_keras_serializable("kerasbridge")
class LocallyConnected1D(_LocallyConnected):
    """`LocallyConnected2D` along one axis: of (batch, steps, channels), with a bias of the shape (places, filters)."""


@keras.saving.register_keras_serializable("kerasbridge")
class LocallyConnected2D(_LocallyConnected):
    """A convolution whose kernel is another one at each place, without padding.

    ``y[i, j] = bias[i, j] + sum over a, b of x[i * down + a, j * right + b] @ kernel[i, j, a, b]``, with i, j joined to
    one axis of the kernel, and a, b and the channels to another (`keras/layers/local.py` of Keras 1 and 2,
    `local_conv2d` of its backends). No kernel is turned in space, on Theano neither: the product is one of matrices.

    Args:
        filters: how many channels come out.
        kernel_size, strides: two numbers each, for height and width.
        keywords: those of Keras's `Dense` beside `units`.

    Raises:
        ValueError: the images are of no size that is known, or smaller than a window.

    >>> layer = LocallyConnected2D(5, (3, 2), (2, 1))
    >>> layer.build((None, 7, 4, 3))
    >>> [tuple(weight.shape) for weight in layer.weights]
    [(9, 18, 5), (3, 3, 5)]
    """
