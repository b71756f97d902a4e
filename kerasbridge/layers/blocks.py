"""Squares of pixels as channels, and channels as squares of pixels, on images of any size."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _OfBlocks(Layer):
    options: ClassVar[tuple[str, ...]] = ("block",)

    def __init__(self, block: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.block = block


@keras.saving.register_keras_serializable("kerasbridge")
class DepthToSpace(_OfBlocks):
    """A square of pixels from the channels of each, as `tf.nn.depth_to_space`.

    Args:
        block: the pixels of a side of the square.
    """

    def call(self, inputs: Any) -> Any:
        """Images (N, H, W, block * block * C) to (N, block * H, block * W, C)."""
        _, height, width, _ = ops.shape(inputs)
        channels = inputs.shape[-1] // self.block**2
        squares = ops.reshape(inputs, (-1, height, width, self.block, self.block, channels))
        rows = ops.transpose(squares, (0, 1, 3, 2, 4, 5))
        return ops.reshape(rows, (-1, height * self.block, width * self.block, channels))

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape, with sides that are known where they were."""
        batch, *sides, channels = shape
        grown = (None if side is None else side * self.block for side in sides)
        return (batch, *grown, channels and channels // self.block**2)


@keras.saving.register_keras_serializable("kerasbridge")
class SpaceToDepth(_OfBlocks):
    """The channels of each square of pixels as one pixel, as `tf.nn.space_to_depth`.

    Args:
        block: the pixels of a side of the square, which goes into height and width.
    """

    def call(self, inputs: Any) -> Any:
        """Images (N, block * H, block * W, C) to (N, H, W, block * block * C)."""
        _, height, width, _ = ops.shape(inputs)
        height, width, channels = height // self.block, width // self.block, inputs.shape[-1]
        rows = ops.reshape(inputs, (-1, height, self.block, width, self.block, channels))
        squares = ops.transpose(rows, (0, 1, 3, 2, 4, 5))
        return ops.reshape(squares, (-1, height, width, self.block**2 * channels))

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape, with sides that are known where they were."""
        batch, *sides, channels = shape
        shrunk = (None if side is None else side // self.block for side in sides)
        return (batch, *shrunk, channels and channels * self.block**2)
