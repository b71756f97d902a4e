"""Pooling with windows that may extend beyond the image, by the rules of Caffe, Torch, MatConvNet and Theano."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _PaddedPooling(Layer):
    """Pooling over an image that is padded first.

    Args:
        pool_size: height and width of a window.
        strides: vertical and horizontal stride.
        padding: ((top, bottom), (left, right)), cells around the image.
        overflow: (bottom, right), cells beyond the padding, needed because output sizes are rounded up.
    """

    options: ClassVar[tuple[str, ...]] = ("pool_size", "strides", "padding", "overflow")

    def __init__(
        self,
        pool_size: Sequence[int],
        strides: Sequence[int],
        padding: Sequence[Sequence[int]] = ((0, 0), (0, 0)),
        overflow: Sequence[int] = (0, 0),
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.pool_size, self.strides, self.overflow = tuple(pool_size), tuple(strides), tuple(overflow)
        self.padding = tuple(map(tuple, padding))

    def _total_padding(self) -> list[tuple[int, int]]:
        sides = zip(self.padding, self.overflow, strict=True)
        return [(0, 0), *((before, after + overflow) for (before, after), overflow in sides), (0, 0)]

    def _average(self, images: Any) -> Any:
        return ops.average_pool(images, self.pool_size, self.strides, "valid", data_format="channels_last")


@keras.saving.register_keras_serializable("kerasbridge")
class CeilMaxPooling2D(_PaddedPooling):
    """Max pooling with padding by minus infinity.

    In Caffe and Torch, max pooling with padding p, window k and stride s has ``ceil((H + 2p - k) / s) + 1`` output rows
    (Caffe: `src/caffe/layers/pooling_layer.cpp`); if p > 0, a last window that would start at ``H + p`` or beyond is
    left out. An overflow of ``s - 1`` yields this number of rows; ``min(s - 1, k - 1 - p)`` also omits that window.

    Args:
        pool_size, strides, padding, overflow: two numbers each, padding two pairs.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = CeilMaxPooling2D((3, 3), (2, 2), overflow=(1, 1))
    >>> layer(keras.ops.ones((1, 6, 6, 1))).shape[1:3] == (3, 3)
    True
    """

    def call(self, images: Any) -> Any:
        """Pool images of shape (batch, height, width, channels)."""
        padded = ops.pad(images, self._total_padding(), constant_values=float("-inf"))
        return ops.max_pool(padded, self.pool_size, self.strides, "valid", data_format="channels_last")


@keras.saving.register_keras_serializable("kerasbridge")
class CeilAveragePooling2D(_PaddedPooling):
    """Average pooling: the sum of each window, divided by the number of cells that count.

    Cells of the image always count, those of the overflow never do (Caffe, Torch; MatConvNet has no overflow). Those of
    the padding count in Caffe (`src/caffe/layers/pooling_layer.cpp`: per axis ``min(start + k, H + p) - start``) and in
    Torch unless `count_include_pad` is False, but not in MatConvNet (`vl_nnpool`).

    Args:
        pool_size, strides, padding, overflow: two numbers each, padding two pairs.
        count_padding: whether cells of the padding count.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = CeilAveragePooling2D((2, 2), (2, 2), overflow=(1, 1))
    >>> float(layer(keras.ops.ones((1, 3, 3, 1)))[0, 1, 1, 0])
    1.0
    """

    options: ClassVar[tuple[str, ...]] = (*_PaddedPooling.options, "count_padding")

    def __init__(self, *arguments: Any, count_padding: bool = True, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.count_padding = count_padding

    def call(self, images: Any) -> Any:
        """Pool images of shape (batch, height, width, channels)."""
        counts = ops.pad(
            ops.ones_like(images[:1, ..., :1]),
            [(0, 0), *self.padding, (0, 0)],
            constant_values=float(self.count_padding),
        )
        counts = ops.pad(counts, [(0, 0), *((0, overflow) for overflow in self.overflow), (0, 0)])
        return self._average(ops.pad(images, self._total_padding())) / self._average(counts)
