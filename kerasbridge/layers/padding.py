"""Numbers around others, of kinds that Keras has no layer for."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class EdgePadding2D(Layer):
    """Rows and columns around images that are their own: the outermost again and again, or those before it, reflected.

    Torch7's SpatialReplicationPadding and SpatialReflectionPadding (`lib/THNN/generic/SpatialReflectionPadding.c`).

    Args:
        padding: ((top, bottom), (left, right)), how many.
        reflected: whether the image is reflected at its outermost row and column, which are not repeated.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = EdgePadding2D(((0, 0), (2, 0)), reflected=True)
    >>> [int(number) for number in layer(keras.ops.reshape(keras.ops.arange(3.0), (1, 1, 3, 1)))[0, 0, :, 0]]
    [2, 1, 0, 1, 2]
    """

    options: ClassVar[tuple[str, ...]] = ("padding", "reflected")

    def __init__(self, padding: Sequence[Sequence[int]], reflected: bool = False, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.padding, self.reflected = tuple(map(tuple, padding)), reflected

    def call(self, images: Any) -> Any:
        """Images of shape (batch, height, width, channels) to the same with more rows and columns."""
        for axis, (before, after) in enumerate(self.padding, 1):
            first = self._part(images, axis, slice(1, before + 1), slice(0, 1), before)
            last = self._part(images, axis, slice(-after - 1, -1), slice(-1, None), after)
            images = ops.concatenate([*first, images, *last], axis=axis)
        return images

    def _part(self, images: Any, axis: int, mirrored: slice, outermost: slice, width: int) -> list[Any]:
        if not width:
            return []
        before = (slice(None),) * axis
        if self.reflected:
            return [ops.flip(images[(*before, mirrored)], axis=axis)]
        return [images[(*before, outermost)]] * width


@keras.saving.register_keras_serializable("kerasbridge")
class Margin(Layer):
    """Numbers of one value before and behind those along an axis, as Torch7's Padding (`Padding.lua` of nn).

    Args:
        axis: along which.
        widths: how many before, and how many behind.
        value: of each.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "widths", "value")

    def __init__(self, axis: int, widths: Sequence[int], value: float = 0.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.widths, self.value = axis, tuple(widths), value

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape to more along the axis."""
        widths = [self.widths if axis == self.axis else (0, 0) for axis in range(len(inputs.shape))]
        return ops.pad(inputs, widths, constant_values=self.value)
