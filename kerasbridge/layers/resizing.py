"""Resizing of images by the rules of TensorFlow 1 and 2."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Resize(Layer):
    """Bilinear or nearest-neighbour interpolation.

    Row i of the result is at row ``i * H / rows`` of the image (resize_images of TensorFlow 1), with `centred` at
    ``(i + 0.5) * H / rows - 0.5``, with `corners` at ``i * (H - 1) / (rows - 1)``
    (`core/kernels/image/resize_bilinear_op.cc`, `resize_nearest_neighbor_op.cc`). The Keras layers `Resizing` and
    `UpSampling2D` use the second formula only.

    Args:
        kind: "bilinear" or "nearest".
        size: rows and columns of the result; None to multiply those of the image by `factors`.
        factors: two numbers.
        centred, corners: as above.

    >>> from kerasbridge.keras_compat import keras
    >>> layer = Resize("bilinear", (1, 4))
    >>> [float(x) for x in layer(keras.ops.reshape(keras.ops.convert_to_tensor([0.0, 2.0]), (1, 1, 2, 1)))[0, 0, :, 0]]
    [0.0, 1.0, 2.0, 2.0]
    """

    options: ClassVar[tuple[str, ...]] = ("kind", "size", "factors", "centred", "corners")

    def __init__(
        self,
        kind: str,
        size: Sequence[int] | None,
        factors: Sequence[int] | None = None,
        centred: bool = False,
        corners: bool = False,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.kind, self.centred, self.corners = kind, centred, corners
        self.size, self.factors = size and tuple(size), factors and tuple(factors)

    def call(self, images: Any) -> Any:
        """Resize images of shape (batch, height, width, channels)."""
        for axis in (1, 2):
            old_size = ops.shape(images)[axis]
            new_size = self.size[axis - 1] if self.size else old_size * (self.factors or (1, 1))[axis - 1]
            images = self._resize_axis(images, axis, old_size, new_size)
        return images

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, rows, columns, channels)."""
        if self.size:
            return (shape[0], *self.size, shape[3])
        sizes = zip(shape[1:3], self.factors or (1, 1), strict=True)
        return (shape[0], *(None if n is None else n * factor for n, factor in sizes), shape[3])

    def _resize_axis(self, images: Any, axis: int, old_size: Any, new_size: Any) -> Any:
        positions = self._positions(old_size, new_size)
        if self.kind == "nearest":
            nearest = ops.round(positions) if self.corners else ops.floor(positions)
            return ops.take(images, _to_indices(nearest, old_size), axis=axis)
        lower = ops.floor(positions)
        fraction = ops.reshape(positions - lower, (-1,) + (1,) * (3 - axis))
        first, second = (ops.take(images, _to_indices(lower + k, old_size), axis=axis) for k in (0.0, 1.0))
        return first + (second - first) * ops.cast(fraction, images.dtype)

    def _positions(self, old_size: Any, new_size: Any) -> Any:
        """Return the position of each row of the result, in rows of the image."""
        rows = ops.cast(ops.arange(new_size), "float32")
        before, after = (ops.cast(ops.convert_to_tensor(size), "float32") for size in (old_size, new_size))
        if self.corners:
            return rows * ((before - 1) / ops.maximum(after - 1, 1.0))
        scale = before / after
        if not self.centred:
            return rows * scale
        middle = (rows + 0.5) * scale
        return middle if self.kind == "nearest" else middle - 0.5


def _to_indices(positions: Any, size: Any) -> Any:
    """Return positions clipped to the rows of an image of this size, as int32."""
    return ops.cast(ops.clip(positions, 0, ops.cast(ops.convert_to_tensor(size - 1), "float32")), "int32")
