"""What each kind of layer does to the order in which numbers lie.

A layer that works on each number or each channel by itself keeps it; one that makes numbers of its own begins anew;
what flattens, reshapes, permutes and joins changes it. Through anything else it is lost, and said to be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.model_graph import LayerNode
from kerasbridge.keras_compat import keras

L = keras.layers
_MAKERS = (
    L.Dense, L.EinsumDense, L.Embedding, L.RNN, L.Bidirectional, L.MultiHeadAttention, L.GroupQueryAttention,
    L.Attention, L.AdditiveAttention, L.InputLayer,
)  # fmt: skip
_ALIKE = (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
_GLOBAL = tuple(getattr(L, f"Global{kind}Pooling{rank}D") for kind in ("Average", "Max") for rank in (1, 2, 3))


@dataclass(frozen=True, eq=False)
class AxisOrder:
    """How a tensor of the model lies to that of the file's framework; the batch is not counted.

    Args:
        axes: for tensors of more than one axis: axis i of the model's is axis ``axes[i]`` of the file's.
        index: for rows: number i of the model's is number ``index[i]`` of the file's.
        lost: where this could not be followed, the name of the layer.
    """

    axes: tuple[int, ...] | None = None
    index: Array | None = None
    lost: str = ""


UNCHANGED = AxisOrder()


def channels_last(rank: int) -> tuple[int, ...]:
    """The axes of images H, W, C where the file has C, H, W."""
    return (*range(1, rank), 0)


def propagate(place: LayerNode, given: Sequence[AxisOrder], wanted: Array | None) -> AxisOrder:
    """The order of what a place gives.

    Args:
        place: where.
        given: the orders of what it takes.
        wanted: the order in which a dense layer has to give its numbers, if they become images.
    """
    layer = per_step_layer(place.layer)
    if isinstance(layer, _MAKERS):
        return AxisOrder(index=wanted, axes=given[0].axes if isinstance(layer, L.Dense | L.EinsumDense) else None)
    if place.order_assumed and not keeps_order(layer) and not is_spatial(layer):
        return AxisOrder(lost=place.name)
    if isinstance(layer, L.Flatten):
        return _flattened(place, given[0])
    if is_reshape(layer):
        return _reshaped(place, given[0])
    if isinstance(layer, L.Permute):
        return _permuted(place, given[0])
    if isinstance(layer, _GLOBAL):
        return UNCHANGED
    if isinstance(layer, L.Concatenate):
        return _joined(place, given)
    if is_spatial(layer):
        return _spatial(place, layer)
    if isinstance(layer, _ALIKE):
        return given[0] if all(_same(one, given[0]) for one in given) else AxisOrder(lost=place.name)
    return given[0] if keeps_order(layer) or _keepsshape_of(place) else AxisOrder(lost=place.name)


def per_step_layer(layer: Any) -> Any:
    """What a layer does at each step of time, if it is distributed over time."""
    return layer.layer if isinstance(layer, L.TimeDistributed) else layer


def is_reshape(layer: Any) -> bool:
    """Return whether it is Keras's layer, or the operation `keras.ops.reshape`."""
    kind = type(layer)
    return isinstance(layer, L.Reshape) or (kind.__name__ == "Reshape" and kind.__module__.startswith("keras.src.ops"))


def is_spatial(layer: Any) -> bool:
    """Return whether it works on images, signals or volumes, whose channels may come first or last."""
    return hasattr(layer, "data_format") and isinstance(layer, keras.Layer) and not isinstance(layer, L.Flatten)


def _spatial(place: LayerNode, layer: Any) -> AxisOrder:
    rank = len(shape_of(place) or ()) or 3
    return AxisOrder(axes=channels_last(rank)) if layer.data_format != "channels_first" else UNCHANGED


def keeps_order(layer: Any) -> bool:
    """Return whether a layer of Keras's works on each number, or each channel, by itself."""
    words = ("activations.", "regularization.", "normalization.")
    return any(f"keras.src.layers.{word}" in type(layer).__module__ for word in words)


def _keepsshape_of(place: LayerNode) -> bool:
    """Return whether an operation of Keras's takes one tensor and gives one of its shape, as `keras.ops.relu` does."""
    own = type(place.layer).__module__.startswith(("keras.src.ops", "keras.src.layers.core"))
    alone = len(place.inputs) == 1 and not isinstance(place.layer, L.Lambda)
    return own and alone and shape_of(place) is not None and shape_of(place) == shape_of(place.inputs[0])


def shape_of(place: LayerNode, taken: bool = False) -> tuple[int, ...] | None:
    """The shape of what a place gives, or takes, without the batch, and without time where a layer is distributed."""
    try:
        shape = (place.layer.input if taken else place.layer.output).shape
    except (AttributeError, ValueError):
        return None
    skipped = 2 if isinstance(place.layer, L.TimeDistributed) else 1
    return tuple(shape[skipped:])


def _flattened(place: LayerNode, given: AxisOrder) -> AxisOrder:
    shape = shape_of(place, taken=True)
    if given.lost or shape is None or not all(shape):
        return given if given.lost else AxisOrder(lost=place.name)
    if len(shape) < 2:
        return given
    axes = given.axes or _assumed(place, len(shape))
    if getattr(per_step_layer(place.layer), "data_format", None) == "channels_first":
        axes = (*axes[1:], axes[0])
    return AxisOrder(index=flatten_index(shape, axes))


def _assumed(place: LayerNode, rank: int) -> tuple[int, ...]:
    """The axes of what comes straight from an input: images as Keras has them, anything else as the file has it."""
    images = rank > 2 and keras.config.image_data_format() == "channels_last"
    came = place.inputs and isinstance(place.inputs[0].layer, L.InputLayer)
    return channels_last(rank) if images and (came or not place.inputs) else tuple(range(rank))


def flatten_index(shape: Sequence[int], axes: Sequence[int]) -> Array | None:
    """Which of the file's numbers each one is when a tensor of the model is flattened; None where they are in place."""
    there = [0] * len(shape)
    for size, axis in zip(shape, axes, strict=True):
        there[axis] = size
    index: Any = np.arange(math.prod(shape)).reshape(there).transpose(axes).ravel()
    return None if (np.diff(index) == 1).all() else index


def _reshaped(place: LayerNode, given: AxisOrder) -> AxisOrder:
    before, propagate = shape_of(place, taken=True), shape_of(place)
    if given.lost or before is None or propagate is None:
        return AxisOrder(lost=given.lost or place.name)
    if len(propagate) == 1:
        return _flattened(place, given)
    if len(before) == 1:
        return AxisOrder(axes=channels_last(len(propagate))) if len(propagate) > 2 else UNCHANGED
    if before[-1] == propagate[-1] and given.axes in (None, channels_last(len(before))):
        return UNCHANGED if len(propagate) == 2 else given
    return UNCHANGED if given.axes in (None, tuple(range(len(before)))) else AxisOrder(lost=place.name)


def _permuted(place: LayerNode, given: AxisOrder) -> AxisOrder:
    dims = per_step_layer(place.layer).dims
    axes = given.axes or _assumed(place, len(dims))
    return given if given.lost else AxisOrder(axes=tuple(axes[dim - 1] for dim in dims))


def _joined(place: LayerNode, given: Sequence[AxisOrder]) -> AxisOrder:
    """Rows one after the other; of images, whose channels are joined, the axes stay."""
    if all(one.index is None for one in given) or any(one.lost for one in given):
        return next((one for one in given if one.lost), given[0])
    shapes = [shape_of(one) for one in place.inputs]
    if len(shapes) != len(given) or any(shape is None or len(shape) != 1 for shape in shapes):
        return AxisOrder(lost=place.name)
    sizes = [shape[0] for shape in shapes if shape]
    starts = np.cumsum([0, *sizes[:-1]])
    each = [np.arange(size) if one.index is None else one.index for one, size in zip(given, sizes, strict=True)]
    return AxisOrder(index=np.concatenate([start + index for start, index in zip(starts, each, strict=True)]))


def _same(one: AxisOrder, other: AxisOrder) -> bool:
    return (
        one.axes == other.axes
        and one.lost == other.lost
        and (
            one.index is other.index
            or (one.index is not None and other.index is not None and np.array_equal(one.index, other.index))
        )
    )
