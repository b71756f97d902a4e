"""Pooling whose windows may reach beyond the image, by the rules of Caffe, Torch, MatConvNet and Theano."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _Windows(Layer):
    """Windows over an image that is padded first.

    Args:
        pool_size: height and width of a window.
        strides: how far it moves down and to the right.
        padding: ((top, bottom), (left, right)), cells around the image.
        overflow: (bottom, right), further cells, which windows reach only because sizes are rounded up.
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

    def _all_around(self) -> list[tuple[int, int]]:
        beyond = zip(self.padding, self.overflow, strict=True)
        return [(0, 0), *((before, after + more) for (before, after), more in beyond), (0, 0)]

    def _average(self, images: Any) -> Any:
        return ops.average_pool(images, self.pool_size, self.strides, "valid", data_format="channels_last")


@keras.saving.register_keras_serializable("kerasbridge")
class CeilMaxPooling2D(_Windows):
    """The largest number of each window; cells outside the image are less than any number.

    Caffe's and Torch's max pooling with padding p, window k, stride s gives ``ceil((H + 2p - k) / s) + 1`` rows (Caffe:
    `src/caffe/layers/pooling_layer.cpp`); where p > 0, a last window that would begin at ``H + p`` or beyond is left
    out. The first is reached by an overflow of ``s - 1``, both by ``min(s - 1, k - 1 - p)``.

    Args:
        pool_size, strides, padding, overflow: two numbers each, padding two pairs.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = CeilMaxPooling2D((3, 3), (2, 2), overflow=(1, 1))
    >>> layer(keras.ops.ones((1, 6, 6, 1))).shape[1:3] == (3, 3)
    True
    """

    def call(self, images: Any) -> Any:
        """Images of shape (batch, height, width, channels) to the same with fewer rows and columns."""
        padded = ops.pad(images, self._all_around(), constant_values=float("-inf"))
        return ops.max_pool(padded, self.pool_size, self.strides, "valid", data_format="channels_last")


@keras.saving.register_keras_serializable("kerasbridge")
class CeilAveragePooling2D(_Windows):
    """The sum of each window over the number of its cells that count.

    Cells of the image always count, those of the overflow never (Caffe, Torch; MatConvNet has none). Those of the
    padding count in Caffe (`src/caffe/layers/pooling_layer.cpp`: per axis ``min(start + k, H + p) - start``) and in
    Torch unless `count_include_pad` is off, not in MatConvNet (`vl_nnpool`).

    Args:
        pool_size, strides, padding, overflow: two numbers each, padding two pairs.
        count_padding: whether cells of the padding count.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = CeilAveragePooling2D((2, 2), (2, 2), overflow=(1, 1))
    >>> float(layer(keras.ops.ones((1, 3, 3, 1)))[0, 1, 1, 0])
    1.0
    """

    options: ClassVar[tuple[str, ...]] = (*_Windows.options, "count_padding")

    def __init__(self, *arguments: Any, count_padding: bool = True, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.count_padding = count_padding

    def call(self, images: Any) -> Any:
        """Images of shape (batch, height, width, channels) to the same with fewer rows and columns."""
        counts = ops.pad(
            ops.ones_like(images[:1, ..., :1]),
            [(0, 0), *self.padding, (0, 0)],
            constant_values=float(self.count_padding),
        )
        counts = ops.pad(counts, [(0, 0), *((0, more) for more in self.overflow), (0, 0)])
        return self._average(ops.pad(images, self._all_around())) / self._average(counts)
