"""Slicing, tiling and reducing along axes, for which Keras has no layers; the batch is axis 0."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Slice(Layer):
    """A slice along an axis: one output of a Caffe Slice layer (`src/caffe/layers/slice_layer.cpp`).

    Args:
        axis: the axis to slice.
        start, stop: as in a Python slice: negative numbers count from the end, None is the end.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "start", "stop")

    def __init__(self, axis: int, start: int, stop: int | None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.start, self.stop = axis, start, stop

    def call(self, inputs: Any) -> Any:
        """Slice a tensor of any shape."""
        return inputs[(slice(None),) * self.axis + (slice(self.start, self.stop),)]

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return the output shape; the size of the slice may be known even if that of the axis is not."""
        size = shape[self.axis]
        stop = 0 if self.stop is None and self.start < 0 else self.stop
        length: int | None = None
        if size is not None:
            length = len(range(*slice(self.start, self.stop).indices(size)))
        elif stop is not None and (self.start < 0) == (stop <= 0):
            length = stop - self.start
        return (*shape[: self.axis], length, *shape[self.axis + 1 :])


@keras.saving.register_keras_serializable("kerasbridge")
class CropLike(Layer):
    """The first input cropped to the size of the second, as in a Caffe Crop layer (`src/caffe/layers/crop_layer.cpp`).

    Args:
        axes: the axes to crop.
        starts: the start index for each axis.
        clamped: start earlier if the input is too small, as in MatConvNet (`matlab/+dagnn/Crop.m`).
    """

    options: ClassVar[tuple[str, ...]] = ("axes", "starts", "clamped")

    def __init__(self, axes: Sequence[int], starts: Sequence[int], clamped: bool = False, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axes, self.starts, self.clamped = tuple(axes), tuple(starts), clamped

    def call(self, inputs: Any) -> Any:
        """Crop the first of two tensors of the same rank."""
        tensor, like = inputs
        sizes, slices = ops.shape(like), [slice(None)] * len(like.shape)
        for axis, start in zip(self.axes, self.starts, strict=True):
            first = _minimum(start, ops.shape(tensor)[axis] - sizes[axis]) if self.clamped else start
            slices[axis] = slice(first, first + sizes[axis])
        return tensor[tuple(slices)]

    def compute_output_shape(self, shapes: Any) -> tuple[int | None, ...]:
        """Return the first shape, with the sizes of the second along the axes."""
        return tuple(shapes[axis in self.axes][axis] for axis in range(len(shapes[0])))


def _minimum(start: int, size: Any) -> Any:
    """Return the smaller number; TensorFlow knows some sizes only as tensors."""
    return min(start, size) if isinstance(size, int) else ops.minimum(start, size)


@keras.saving.register_keras_serializable("kerasbridge")
class Tile(Layer):
    """Repetition of a tensor along an axis, as in a Caffe Tile layer (`src/caffe/layers/tile_layer.cpp`).

    Args:
        axis: the axis to repeat along.
        copies: the number of copies.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "copies")

    def __init__(self, axis: int, copies: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.copies = axis, copies

    def call(self, inputs: Any) -> Any:
        """Repeat a tensor of any shape."""
        repeats = [self.copies if axis == self.axis else 1 for axis in range(len(inputs.shape))]
        return ops.tile(inputs, repeats)


@keras.saving.register_keras_serializable("kerasbridge")
class Squeeze(Layer):
    """Removal of an axis of size 1, as in a Torch7 Squeeze module (`Squeeze.lua` of nn), for images of any size.

    Args:
        axis: the axis to remove.
    """

    options: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Remove the axis of a tensor of any shape."""
        return ops.squeeze(inputs, self.axis)


@keras.saving.register_keras_serializable("kerasbridge")
class Unsqueeze(Layer):
    """Insertion of an axis of size 1, as in a Torch7 Unsqueeze module (`Unsqueeze.lua` of nn), for images of any size.

    Args:
        axis: the index of the new axis.
    """

    options: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Insert the axis into a tensor of any shape."""
        return ops.expand_dims(inputs, self.axis)


@keras.saving.register_keras_serializable("kerasbridge")
class Reduce(Layer):
    """Reduction over axes, times a coefficient, as in a Caffe Reduction layer (`src/caffe/layers/reduction_layer.cpp`).

    Args:
        kind: the sum of the numbers, of their absolute values or of their squares, their mean, maximum or minimum.
        axes: the axes to reduce, which are removed.
        coefficient: a factor of the result.
    """

    options: ClassVar[tuple[str, ...]] = ("kind", "axes", "coefficient")

    def __init__(
        self,
        kind: Literal["sum", "absolute sum", "sum of squares", "mean", "maximum", "minimum"],
        axes: Sequence[int],
        coefficient: float = 1.0,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.kind, self.axes, self.coefficient = kind, tuple(axes), coefficient

    def call(self, inputs: Any) -> Any:
        """Reduce a tensor of any shape."""
        transform = {"absolute sum": ops.abs, "sum of squares": ops.square}.get(self.kind, ops.convert_to_tensor)
        reduce = {"mean": ops.mean, "maximum": ops.max, "minimum": ops.min}.get(self.kind, ops.sum)
        return reduce(transform(inputs), axis=self.axes) * self.coefficient


@keras.saving.register_keras_serializable("kerasbridge")
class LargestPlaces(Layer):
    """Indices or values of the largest numbers along an axis, the largest first.

    As in a Caffe ArgMax layer (`src/caffe/layers/argmax_layer.cpp`), the last of several equal numbers comes first.

    Args:
        axis: the axis to search.
        most: the number of largest numbers.
        gives: "places" for the indices, as floats; "values" for the numbers; "both" for the two of them, in this order
            along a new axis before `axis`.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "most", "gives")

    def __init__(
        self, axis: int, most: int = 1, gives: Literal["places", "values", "both"] = "places", **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self.axis, self.most, self.gives = axis, most, gives

    def call(self, inputs: Any) -> Any:
        """Search a tensor of any shape; the size of the axis becomes `most`."""
        reverse = ops.flip(ops.moveaxis(inputs, self.axis, -1), axis=-1)  # so that the last of equal numbers is first
        order = ops.argsort(-reverse, axis=-1)[..., : self.most]
        values = ops.take_along_axis(reverse, order, axis=-1)
        indices = ops.cast(ops.shape(reverse)[-1] - 1 - order, values.dtype)
        outputs = {"places": [indices], "values": [values], "both": [indices, values]}[self.gives]
        moved = [ops.moveaxis(output, -1, self.axis) for output in outputs]
        return ops.stack(moved, axis=self.axis) if self.gives == "both" else moved[0]
