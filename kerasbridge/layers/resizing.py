"""Images of other sizes, by the rules that TensorFlow has had."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Resize(Layer):
    """Each pixel from the nearest one, or from the four around its place.

    Row i of the result is at row ``i * H / rows`` of the image (TensorFlow 1's resize_images), at
    ``(i + 0.5) * H / rows - 0.5`` with `centred`, at ``i * (H - 1) / (rows - 1)`` with `corners`
    (`core/kernels/image/resize_bilinear_op.cc`, `resize_nearest_neighbor_op.cc`). Keras's `Resizing` and `UpSampling2D`
    know the second alone.

    Args:
        kind: "bilinear" or "nearest".
        size: rows and columns that come out; None for `factors` times as many.
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
        """Images of shape (batch, height, width, channels) to the same with other height and width."""
        for axis in (1, 2):
            there = ops.shape(images)[axis]
            wanted = self.size[axis - 1] if self.size else there * (self.factors or (1, 1))[axis - 1]
            images = self._along(images, axis, there, wanted)
        return images

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """(batch, rows, columns, channels)."""
        if self.size:
            return (shape[0], *self.size, shape[3])
        sizes = zip(shape[1:3], self.factors or (1, 1), strict=True)
        return (shape[0], *(None if n is None else n * factor for n, factor in sizes), shape[3])

    def _along(self, images: Any, axis: int, there: Any, wanted: Any) -> Any:
        places = self._places(there, wanted)
        if self.kind == "nearest":
            rounded = ops.round(places) if self.corners else ops.floor(places)
            return ops.take(images, self._within(rounded, there), axis=axis)
        low = ops.floor(places)
        share = ops.reshape(places - low, (-1,) + (1,) * (3 - axis))
        first, second = (ops.take(images, self._within(low + more, there), axis=axis) for more in (0.0, 1.0))
        return first + (second - first) * ops.cast(share, images.dtype)

    def _places(self, there: Any, wanted: Any) -> Any:
        """Where each row of the result lies among those of the image."""
        rows = ops.cast(ops.arange(wanted), "float32")
        before, after = (ops.cast(ops.convert_to_tensor(size), "float32") for size in (there, wanted))
        if self.corners:
            return rows * ((before - 1) / ops.maximum(after - 1, 1.0))
        scale = before / after
        if not self.centred:
            return rows * scale
        middle = (rows + 0.5) * scale
        return middle if self.kind == "nearest" else middle - 0.5

    def _within(self, places: Any, there: Any) -> Any:
        return ops.cast(ops.clip(places, 0, ops.cast(ops.convert_to_tensor(there - 1), "float32")), "int32")
