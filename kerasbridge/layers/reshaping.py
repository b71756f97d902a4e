"""Cutting, copying and reducing along axes, for which Keras has no layer; the batch is axis 0."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


@keras.saving.register_keras_serializable("kerasbridge")
class Slice(Layer):
    """What lies from `start` up to `stop` along an axis: a piece of Caffe's Slice (`src/caffe/layers/slice_layer.cpp`).

    Args:
        axis: along which.
        start, stop: the first that is taken, and the first that is not; below 0 they count from the end, None is the
            end.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "start", "stop")

    def __init__(self, axis: int, start: int, stop: int | None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.start, self.stop = axis, start, stop

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape to fewer along the axis."""
        return inputs[(slice(None),) * self.axis + (slice(self.start, self.stop),)]

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape with as many places as are taken, which is also known where those that are there are not."""
        size = shape[self.axis]
        stop = 0 if self.stop is None and self.start < 0 else self.stop
        taken: int | None = None
        if size is not None:
            taken = len(range(*slice(self.start, self.stop).indices(size)))
        elif stop is not None and (self.start < 0) == (stop <= 0):
            taken = stop - self.start
        return (*shape[: self.axis], taken, *shape[self.axis + 1 :])


@keras.saving.register_keras_serializable("kerasbridge")
class CropLike(Layer):
    """The first input cut to the size of the second, as Caffe's Crop (`src/caffe/layers/crop_layer.cpp`).

    Args:
        axes: along which it is cut.
        starts: the first that is taken, for each of them.
        clamped: take an earlier first one where there is not room, as MatConvNet (`matlab/+dagnn/Crop.m`).
    """

    options: ClassVar[tuple[str, ...]] = ("axes", "starts", "clamped")

    def __init__(self, axes: Sequence[int], starts: Sequence[int], clamped: bool = False, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axes, self.starts, self.clamped = tuple(axes), tuple(starts), clamped

    def call(self, inputs: Any) -> Any:
        """Two tensors with as many dimensions to one."""
        tensor, like = inputs
        sizes, cut = ops.shape(like), [slice(None)] * len(like.shape)
        for axis, start in zip(self.axes, self.starts, strict=True):
            first = self._first(start, ops.shape(tensor)[axis] - sizes[axis]) if self.clamped else start
            cut[axis] = slice(first, first + sizes[axis])
        return tensor[tuple(cut)]

    def _first(self, start: int, room: Any) -> Any:
        """The start, or less; TensorFlow knows sizes only when it computes."""
        return min(start, room) if isinstance(room, int) else ops.minimum(start, room)

    def compute_output_shape(self, shapes: Any) -> tuple[int | None, ...]:
        """The first shape, along the axes that of the second."""
        return tuple(shapes[axis in self.axes][axis] for axis in range(len(shapes[0])))


@keras.saving.register_keras_serializable("kerasbridge")
class Tile(Layer):
    """Copies one after the other along an axis, as Caffe's Tile (`src/caffe/layers/tile_layer.cpp`).

    Args:
        axis: along which.
        copies: how many.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "copies")

    def __init__(self, axis: int, copies: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis, self.copies = axis, copies

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape to `copies` as many along the axis."""
        repeats = [self.copies if axis == self.axis else 1 for axis in range(len(inputs.shape))]
        return ops.tile(inputs, repeats)


@keras.saving.register_keras_serializable("kerasbridge")
class Squeeze(Layer):
    """Without an axis of one place, as Torch7's Squeeze (`Squeeze.lua` of nn), on images of any size.

    Args:
        axis: which.
    """

    options: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape to one axis less."""
        return ops.squeeze(inputs, self.axis)


@keras.saving.register_keras_serializable("kerasbridge")
class Unsqueeze(Layer):
    """With a new axis of one place, as Torch7's Unsqueeze (`Unsqueeze.lua` of nn), on images of any size.

    Args:
        axis: which it is afterwards.
    """

    options: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape to one axis more."""
        return ops.expand_dims(inputs, self.axis)


@keras.saving.register_keras_serializable("kerasbridge")
class Reduce(Layer):
    """One number for several axes, times a coefficient, as Caffe's Reduction (`src/caffe/layers/reduction_layer.cpp`).

    Args:
        kind: the sum of the numbers, of their absolute values or of their squares, their mean, or the largest or least.
        axes: which vanish.
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
        """Numbers of any shape to those without the axes."""
        before = {"absolute sum": ops.abs, "sum of squares": ops.square}.get(self.kind, ops.convert_to_tensor)
        reduce = {"mean": ops.mean, "maximum": ops.max, "minimum": ops.min}.get(self.kind, ops.sum)
        return reduce(before(inputs), axis=self.axes) * self.coefficient


@keras.saving.register_keras_serializable("kerasbridge")
class LargestPlaces(Layer):
    """Where the largest numbers along an axis are, or what they are.

    Caffe's ArgMax (`src/caffe/layers/argmax_layer.cpp`). Of equal numbers the last counts as the largest, as in Caffe.

    Args:
        axis: along which.
        most: how many, the largest first.
        gives: "places" gives places, as floating numbers; "values" the numbers; "both" the one and then the other in a
            new axis before.
    """

    options: ClassVar[tuple[str, ...]] = ("axis", "most", "gives")

    def __init__(
        self, axis: int, most: int = 1, gives: Literal["places", "values", "both"] = "places", **keywords: Any
    ) -> None:
        super().__init__(**keywords)
        self.axis, self.most, self.gives = axis, most, gives

    def call(self, inputs: Any) -> Any:
        """Numbers of any shape to `most` along the axis."""
        last = ops.flip(ops.moveaxis(inputs, self.axis, -1), axis=-1)
        order = ops.argsort(-last, axis=-1)[..., : self.most]
        values = ops.take_along_axis(last, order, axis=-1)
        places = ops.cast(ops.shape(last)[-1] - 1 - order, values.dtype)
        chosen = {"places": [places], "values": [values], "both": [places, values]}[self.gives]
        moved = [ops.moveaxis(one, -1, self.axis) for one in chosen]
        return ops.stack(moved, axis=self.axis) if self.gives == "both" else moved[0]
