"""Rearrangement of blocks of pixels into channels and back, for images of any size."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _BlockLayer(Layer):
    options: ClassVar[tuple[str, ...]] = ("block",)

    def __init__(self, block: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.block = block


@keras.saving.register_keras_serializable("kerasbridge")
class DepthToSpace(_BlockLayer):
    """Rearrange the channels of each pixel into a square of pixels, like `tf.nn.depth_to_space`.

    Args:
        block: the side of the square in pixels.
    """

    def call(self, inputs: Any) -> Any:
        """Rearrange images of shape (N, H, W, block * block * C) to (N, block * H, block * W, C)."""
        _, height, width, _ = ops.shape(inputs)
        channels = inputs.shape[-1] // self.block**2
        squares = ops.reshape(inputs, (-1, height, width, self.block, self.block, channels))
        rows = ops.transpose(squares, (0, 1, 3, 2, 4, 5))
        return ops.reshape(rows, (-1, height * self.block, width * self.block, channels))

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the output shape; unknown sides stay unknown."""
        batch, *sides, channels = shape
        larger = (None if side is None else side * self.block for side in sides)
        return (batch, *larger, channels and channels // self.block**2)


@keras.saving.register_keras_serializable("kerasbridge")
class SpaceToDepth(_BlockLayer):
    """Rearrange each square of pixels into the channels of one pixel, like `tf.nn.space_to_depth`.

    Args:
        block: the side of the square in pixels, a divisor of height and width.
    """

    def call(self, inputs: Any) -> Any:
        """Rearrange images of shape (N, block * H, block * W, C) to (N, H, W, block * block * C)."""
        _, height, width, _ = ops.shape(inputs)
        height, width, channels = height // self.block, width // self.block, inputs.shape[-1]
        rows = ops.reshape(inputs, (-1, height, self.block, width, self.block, channels))
        squares = ops.transpose(rows, (0, 1, 3, 2, 4, 5))
        return ops.reshape(squares, (-1, height, width, self.block**2 * channels))

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the output shape; unknown sides stay unknown."""
        batch, *sides, channels = shape
        smaller = (None if side is None else side // self.block for side in sides)
        return (batch, *smaller, channels and channels * self.block**2)
