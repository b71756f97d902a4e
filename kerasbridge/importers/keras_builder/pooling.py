"""Keras layers for pooling: a stock layer where one says it exactly, for every image or for those of the known size."""

from typing import Any

from kerasbridge import layers
from kerasbridge.importers.ir.ops import GlobalPooling, Pooling
from kerasbridge.importers.keras_builder.context import LayerContext
from kerasbridge.keras_compat import keras

_STOCK = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
_GLOBAL = {"max": keras.layers.GlobalMaxPooling2D, "average": keras.layers.GlobalAveragePooling2D}
_OWN = {"max": layers.CeilMaxPooling2D, "average": layers.CeilAveragePooling2D}


def global_pooling(operation: GlobalPooling, site: LayerContext, images: Any) -> Any:
    """Keras's, which keeps height and width as 1."""
    return site.layer(_GLOBAL[operation.kind], images, keepdims=True)


def pooling(operation: Pooling, site: LayerContext, images: Any) -> Any:
    """Keras's with or without zeros around the image, else kerasbridge's."""
    windows: dict[str, Any] = {"pool_size": operation.window, "strides": operation.stride}
    if operation.same:
        return _same(site, operation, images, windows)
    padding = _around(site, operation)
    if padding is not None:
        if any(map(any, padding)):
            images = site.layer(keras.layers.ZeroPadding2D, images, part="pad", padding=padding)
        return site.layer(_STOCK[operation.kind], images, padding="valid", **windows)
    if _is_same(site, operation):
        return site.layer(_STOCK[operation.kind], images, padding="same", **windows)
    sides = [operation.sides(axis) for axis in (0, 1)]
    beyond = [operation.reach(axis) - sides[axis][1] for axis in (0, 1)]
    if operation.kind == "average":
        windows["count_padding"] = operation.count_padding
    return site.layer(_OWN[operation.kind], images, padding=sides, overflow=beyond, **windows)


def _same(site: LayerContext, operation: Pooling, images: Any, windows: dict[str, Any]) -> Any:
    """Keras's "same"; for averages a layer of kerasbridge's, as Keras 3.15 on torch counts cells that it adds."""
    sizes = zip(site.inputs[0][2:], operation.window, operation.stride, strict=True)
    if all(
        k == 1 or (n is not None and n >= k and (n - k) % s == 0 and -(-n // s) == (n - k) // s + 1)
        for n, k, s in sizes
    ):
        return site.layer(_STOCK[operation.kind], images, padding="valid", **windows)
    if operation.kind == "max":
        return site.layer(keras.layers.MaxPooling2D, images, padding="same", **windows)
    return site.layer(layers.SameAveragePooling2D, images, **windows)


def _around(site: LayerContext, operation: Pooling) -> list[tuple[int, int]] | None:
    """The zeros around the image with which Keras's pooling gives what is wanted; None if none do.

    Beside numbers of which none is below 0, zeros are as good as nothing to a maximum. To an average they are cells of
    the padding.
    """
    if operation.kind == "max" and site.nonnegative:
        return [(operation.sides(axis)[0], _needed(site, operation, axis)) for axis in (0, 1)]
    if any(not _stays_inside(site, operation, axis) for axis in (0, 1)):
        return None
    zeros = [operation.sides(axis) for axis in (0, 1)]
    counted = operation.kind == "average" and operation.count_padding
    return zeros if counted or not any(operation.padding) else None


def _needed(site: LayerContext, operation: Pooling, axis: int) -> int:
    """How many zeros behind the image are needed: where its size is known, as many as windows take."""
    size = site.inputs[0][2 + axis]
    if size is None:
        return operation.reach(axis)
    return max(operation.overflow(size, axis) + operation.sides(axis)[1], 0)


def _stays_inside(site: LayerContext, operation: Pooling, axis: int) -> bool:
    """Return whether no window reaches beyond the padding."""
    size = site.inputs[0][2 + axis]
    if size is None:
        return operation.reach(axis) == operation.sides(axis)[1]
    return operation.overflow(size, axis) <= 0 and operation.windows(size, axis) == _floored(operation, size, axis)


def _floored(operation: Pooling, size: int, axis: int) -> int:
    return (size + sum(operation.sides(axis)) - operation.window[axis]) // operation.stride[axis] + 1


def _is_same(site: LayerContext, operation: Pooling) -> bool:
    """Whether the windows are those of Keras's "same"; for averages Keras 3.15 on torch counts cells that it adds."""
    return operation.kind == "max" and all(_is_same_along(site, operation, axis) for axis in (0, 1))


def _is_same_along(site: LayerContext, operation: Pooling, axis: int) -> bool:
    size, stride, window = site.inputs[0][2 + axis], operation.stride[axis], operation.window[axis]
    before = operation.sides(axis)[0]
    if size is None:
        return stride == 1 and 2 * before == 2 * operation.reach(axis) == window - 1
    whole = -(-size // stride)
    missing = max((whole - 1) * stride + window - size, 0)
    return operation.windows(size, axis) == whole and before == missing // 2
