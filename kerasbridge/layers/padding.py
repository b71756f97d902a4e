"""Padding layers that Keras does not have."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class EdgePadding2D(Layer):
    """Padding of images with copies of the outermost rows and columns, or with a reflection of the image.

    As in the Torch7 modules SpatialReplicationPadding and SpatialReflectionPadding
    (`lib/THNN/generic/SpatialReflectionPadding.c`).

    Args:
        padding: ((top, bottom), (left, right)), numbers of rows and columns.
        reflected: whether to reflect the image at its outermost row and column, which are not repeated.

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
        """Pad images of shape (batch, height, width, channels)."""
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
    """Padding with a constant along an axis, as in a Torch7 Padding module (`Padding.lua` of nn).

    Args:
        axis: the axis to pad.
        widths: the widths before and after.
        value: the constant.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "widths", "value")

    def __init__(self, axis: int, widths: Sequence[int], value: float = 0.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.widths, self.value = axis, tuple(widths), value

    def call(self, inputs: Any) -> Any:
        """Pad a tensor of any shape."""
        widths = [self.widths if axis == self.axis else (0, 0) for axis in range(len(inputs.shape))]
        return ops.pad(inputs, widths, constant_values=self.value)
