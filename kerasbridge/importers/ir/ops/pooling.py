"""Pooling, with the rounding and averaging rules of the different frameworks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Pair, Shape, Sides, SignPreserving, builds, expect, image

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext

Kind = Literal["max", "average"]


@dataclass(frozen=True)
class Pooling(SignPreserving):
    """The maximum or the average of each window.

    Args:
        ceil: round sizes up, so that the last window may reach beyond the padding; if there is padding, a last window
            that would begin in the padding after the image is left out.
        same: pad so that ``ceil(size / stride)`` windows fit, with one more cell after the image than before it if
            their number is odd, instead of using `padding`: "SAME" in TensorFlow. These cells never count.
        count_padding: an average divides by the cells of the window within the image and its padding (Caffe, Torch's
            default), not by those within the image alone (MatConvNet). Cells that only rounding up adds never count.
    """

    kind: Kind
    window: Pair
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    ceil: bool = False
    count_padding: bool = True
    same: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        if self.same:
            windows = (None if n is None else -(-n // s) for n, s in zip(size, self.stride, strict=True))
            return ((batch, channels, *windows),)
        for n, axis in zip(size, (0, 1), strict=True):
            expect(n is None or n + sum(self.sides(axis)) >= self.window[axis], f"its window is {self.window}")
        after = (None if n is None else self.windows(n, axis) for axis, n in enumerate(size))
        return ((batch, channels, *after),)

    def sides(self, axis: int) -> Pair:
        """Return the padding before and after an axis, 0 for the height and 1 for the width."""
        return (self.padding[2 * axis], self.padding[2 * axis + 1])

    def reach(self, axis: int) -> int:
        """Return the number of cells after the image that windows may take: the padding, and those of rounding up.

        ``ceil(n / s) == (n + s - 1) // s``, so padding s - 1 more rounds up; padding at most k - 1 leaves out a window
        that would begin after the image.
        """
        after = self.sides(axis)[1]
        if not self.ceil:
            return after
        reach = after + self.stride[axis] - 1
        return min(reach, self.window[axis] - 1) if any(self.padding) else reach

    def windows(self, size: int, axis: int) -> int:
        """Return the number of windows along an axis of this size."""
        return (size + self.sides(axis)[0] + self.reach(axis) - self.window[axis]) // self.stride[axis] + 1

    def overflow(self, size: int, axis: int) -> int:
        """Return the number of cells after the padding that the last window takes; below 0 if it leaves some out."""
        end = (self.windows(size, axis) - 1) * self.stride[axis] + self.window[axis]
        return end - size - sum(self.sides(axis))


@dataclass(frozen=True)
class GlobalPooling(SignPreserving):
    """The maximum or the average of each channel; height and width become 1."""

    kind: Kind

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        return ((*image(inputs[0])[:2], 1, 1),)


@builds(GlobalPooling)
def build_global_pooling(operation: GlobalPooling, context: "LayerContext", images: Any) -> Any:
    """Build `GlobalMaxPooling2D` or `GlobalAveragePooling2D`."""
    stock = context.keras.layers
    layer = stock.GlobalMaxPooling2D if operation.kind == "max" else stock.GlobalAveragePooling2D
    return context.layer(layer, images, keepdims=True)


@builds(Pooling)
def build_pooling(operation: Pooling, context: "LayerContext", images: Any) -> Any:
    """Build stock pooling, after zeros around the image if needed; else a kerasbridge layer."""
    stock, maximum = context.keras.layers, operation.kind == "max"
    layer = stock.MaxPooling2D if maximum else stock.AveragePooling2D
    windows: dict[str, Any] = {"pool_size": operation.window, "strides": operation.stride}
    if operation.same:
        return _build_same(operation, context, images, windows)
    zeros = _equivalent_zeros(operation, context)
    if zeros is not None:
        return context.layer(layer, context.zero_padding(images, zeros), padding="valid", **windows)
    if maximum and all(_is_same(operation, context, axis) for axis in (0, 1)):
        return context.layer(layer, images, padding="same", **windows)
    sides = [operation.sides(axis) for axis in (0, 1)]
    overflow = [operation.reach(axis) - sides[axis][1] for axis in (0, 1)]
    if maximum:
        return context.layer(context.layers.CeilMaxPooling2D, images, padding=sides, overflow=overflow, **windows)
    windows["count_padding"] = operation.count_padding
    return context.layer(context.layers.CeilAveragePooling2D, images, padding=sides, overflow=overflow, **windows)


def _build_same(operation: Pooling, context: "LayerContext", images: Any, windows: dict[str, Any]) -> Any:
    """Build "same" pooling; for averages a kerasbridge layer, as Keras 3.15 on torch counts the added cells."""
    stock, maximum = context.keras.layers, operation.kind == "max"
    if _needs_no_padding(operation, context):
        layer = stock.MaxPooling2D if maximum else stock.AveragePooling2D
        return context.layer(layer, images, padding="valid", **windows)
    if maximum:
        return context.layer(stock.MaxPooling2D, images, padding="same", **windows)
    return context.layer(context.layers.SameAveragePooling2D, images, **windows)


def _needs_no_padding(operation: Pooling, context: "LayerContext") -> bool:
    """Return whether "same" adds no cells to images of this size."""
    sizes = zip(context.inputs[0][2:], operation.window, operation.stride, strict=True)
    return all(
        k == 1 or (n is not None and n >= k and (n - k) % s == 0 and -(-n // s) == (n - k) // s + 1)
        for n, k, s in sizes
    )


def _equivalent_zeros(operation: Pooling, context: "LayerContext") -> list[tuple[int, int]] | None:
    """Return the zeros around the image with which stock pooling computes the same; None if that is impossible.

    Zeros do not change a maximum of numbers that are never below 0. In an average they count as cells of the padding.
    """
    if operation.kind == "max" and context.nonnegative:
        return [(operation.sides(axis)[0], _zeros_after(operation, context, axis)) for axis in (0, 1)]
    if any(not _stays_inside(operation, context, axis) for axis in (0, 1)):
        return None
    zeros = [operation.sides(axis) for axis in (0, 1)]
    counted = operation.kind == "average" and operation.count_padding
    return zeros if counted or not any(operation.padding) else None


def _zeros_after(operation: Pooling, context: "LayerContext", axis: int) -> int:
    """Return the zeros needed after the image: if its size is known, as many as windows take."""
    size = context.inputs[0][2 + axis]
    if size is None:
        return operation.reach(axis)
    return max(operation.overflow(size, axis) + operation.sides(axis)[1], 0)


def _stays_inside(operation: Pooling, context: "LayerContext", axis: int) -> bool:
    """Return whether no window reaches beyond the padding."""
    size = context.inputs[0][2 + axis]
    if size is None:
        return operation.reach(axis) == operation.sides(axis)[1]
    rounded_down = (size + sum(operation.sides(axis)) - operation.window[axis]) // operation.stride[axis] + 1
    return operation.overflow(size, axis) <= 0 and operation.windows(size, axis) == rounded_down


def _is_same(operation: Pooling, context: "LayerContext", axis: int) -> bool:
    """Return whether the windows along an axis are those of "same" in Keras."""
    size, stride, window = context.inputs[0][2 + axis], operation.stride[axis], operation.window[axis]
    before = operation.sides(axis)[0]
    if size is None:
        return stride == 1 and 2 * before == 2 * operation.reach(axis) == window - 1
    windows = -(-size // stride)
    missing = max((windows - 1) * stride + window - size, 0)
    return operation.windows(size, axis) == windows and before == missing // 2
