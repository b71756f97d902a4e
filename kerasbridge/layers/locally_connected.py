"""Locally connected layers, which have another kernel at each position; Keras 3 no longer has them."""

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
        """Create the kernel, shape (positions, cells of a window * channels, filters), and the bias, (…, filters)."""
        if None in shape[1:]:
            raise ValueError(f"Expected {type(self).__name__} to take inputs of a fixed size, received {tuple(shape)}.")
        *sizes, channels = [int(size or 0) for size in shape[1:]]
        self.positions = self._count_positions(sizes)
        if min(self.positions) < 1:
            raise ValueError(f"Expected windows of {self.kernel_size} to fit, received {tuple(shape)}.")
        self.windows = self._window_indices(sizes)
        self.kernel = self._add("kernel", (prod(self.positions), prod(self.kernel_size) * channels, self.filters))
        self.bias = self._add("bias", (*self.positions, self.filters))

    def call(self, images: Any) -> Any:
        """Transform images of shape (batch, …, channels), which must have the size that the layer was built for."""
        *sizes, channels = images.shape[1:]
        cells = ops.take(ops.reshape(images, (-1, prod(sizes), channels)), self.windows, axis=1)
        inputs = ops.reshape(cells, (-1, len(self.windows), self.windows.shape[1] * channels))
        outputs = ops.transpose(ops.matmul(ops.transpose(inputs, (1, 0, 2)), self.kernel), (1, 0, 2))
        outputs = ops.reshape(outputs, (-1, *self.positions, self.filters))
        return self.activation(outputs if self.bias is None else outputs + self.bias)

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, …, filters)."""
        return (shape[0], *self._count_positions([size for size in shape[1:-1] if size is not None]), self.filters)

    def _count_positions(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return the number of windows along each axis."""
        windows = zip(sizes, self.kernel_size, self.strides, strict=True)
        return tuple((size - window) // stride + 1 for size, window, stride in windows)

    def _window_indices(self, sizes: Sequence[int]) -> Any:
        """Return the indices of each window's cells in the flattened image, shape (positions, cells of a window)."""
        indices = np.arange(prod(sizes), dtype=np.int32).reshape(sizes)
        windows = np.lib.stride_tricks.sliding_window_view(indices, self.kernel_size)
        strided = windows[tuple(slice(None, None, stride) for stride in self.strides)]
        return strided.reshape(prod(self.positions), -1)


@keras.saving.register_keras_serializable("kerasbridge")
class LocallyConnected1D(_LocallyConnected):
    """`LocallyConnected2D` in one dimension: for inputs (batch, steps, channels), with a bias (positions, filters)."""


@keras.saving.register_keras_serializable("kerasbridge")
class LocallyConnected2D(_LocallyConnected):
    """A convolution that has another kernel at each position, without padding.

    ``y[i, j] = bias[i, j] + sum over a, b of x[i * down + a, j * right + b] @ kernel[i, j, a, b]``, where i and j form
    one axis of the kernel, and a, b and the channels another (`keras/layers/local.py` of Keras 1 and 2, `local_conv2d`
    of its backends). The kernel is not flipped, not even by Theano, since it is multiplied as a matrix.

    Args:
        filters: number of output channels.
        kernel_size, strides: two numbers each, for height and width.
        keywords: those of `keras.layers.Dense` except `units`.

    Raises:
        ValueError: the size of the images is unknown, or smaller than a window.

    >>> layer = LocallyConnected2D(5, (3, 2), (2, 1))
    >>> layer.build((None, 7, 4, 3))
    >>> [tuple(weight.shape) for weight in layer.weights]
    [(9, 18, 5), (3, 3, 5)]
    """
