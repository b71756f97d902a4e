"""The effect of each kind of layer on the axis order of a tensor.

A layer that works on single elements or single channels keeps the order; one that computes new features starts with a
new order; flattening, reshaping, permuting and concatenating change it. Through any other layer the order is lost.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer import keras_ops
from kerasbridge.importers.weight_transfer.model_graph import LayerNode
from kerasbridge.keras_compat import keras

L = keras.layers
_NEW_FEATURES = (
    L.Dense, L.EinsumDense, L.Embedding, L.RNN, L.Bidirectional, L.MultiHeadAttention, L.GroupQueryAttention,
    L.Attention, L.AdditiveAttention,
)  # fmt: skip
_ELEMENTWISE_MERGES = (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
_ELEMENTWISE_LAYERS = (L.Rescaling, L.Normalization, L.Identity, L.Masking)
_GLOBAL_POOLING = tuple(getattr(L, f"Global{kind}Pooling{rank}D") for kind in ("Average", "Max") for rank in (1, 2, 3))


@dataclass(frozen=True, eq=False)
class AxisOrder:
    """The order of a tensor's axes or features, relative to the file's framework; the batch does not count.

    Args:
        axes: for tensors of several axes: axis i of the model is axis ``axes[i]`` of the file.
        index: for vectors: feature i of the model is feature ``index[i]`` of the file; None for the same order.
        lost_at: if the order is unknown, the name of the layer that lost it.
    """

    axes: tuple[int, ...] | None = None
    index: Array | None = None
    lost_at: str = ""


UNCHANGED = AxisOrder()


def channels_last(rank: int) -> tuple[int, ...]:
    """Return the file's axes of images (H, W, C) if the file has (C, H, W)."""
    return (*range(1, rank), 0)


def propagate(node: LayerNode, inputs: Sequence[AxisOrder], required: Array | None) -> AxisOrder:
    """Return the order of a node's output.

    Args:
        node: the layer.
        inputs: the orders of its inputs.
        required: the order that a dense layer must have in its output, if this becomes images.
    """
    layer = per_step_layer(node.layer)
    if isinstance(layer, L.InputLayer):
        return initial_order(node)
    if isinstance(layer, _NEW_FEATURES):
        return AxisOrder(index=required, axes=inputs[0].axes if isinstance(layer, L.Dense | L.EinsumDense) else None)
    if node.order_assumed and not keeps_order(layer) and not is_spatial(layer):
        return AxisOrder(lost_at=node.name)
    if isinstance(layer, L.Flatten):
        return _flatten(node, inputs[0])
    if is_reshape(layer):
        return _reshape(node, inputs[0])
    if isinstance(layer, L.Permute):
        return _permute(node, inputs[0], layer.dims)
    if isinstance(layer, _GLOBAL_POOLING):
        return UNCHANGED
    if isinstance(layer, L.Concatenate):
        return _concatenate(node, inputs)
    if is_spatial(layer):
        rank = len(output_shape(node) or ()) or 3
        return AxisOrder(axes=channels_last(rank)) if layer.data_format != "channels_first" else UNCHANGED
    if isinstance(layer, _ELEMENTWISE_MERGES) or keras_ops.is_elementwise(layer):
        return inputs[0] if all(_equal(order, inputs[0]) for order in inputs) else AxisOrder(lost_at=node.name)
    if keras_ops.keeps_axes(layer) and inputs[0].index is None:
        return inputs[0]
    moved = keras_ops.moved_axes(layer, len(output_shape(node) or ()) + 1)
    if moved is not None and moved[0] == 0:
        return _permute(node, inputs[0], moved[1:])
    return inputs[0] if keeps_order(layer) else AxisOrder(lost_at=node.name)


def initial_order(node: LayerNode) -> AxisOrder:
    """Return the order of what a node takes directly from outside of the model: images are as in Keras."""
    rank = len(input_shape(node) or output_shape(node) or ())
    images = rank > 2 and keras.config.image_data_format() == "channels_last"
    return AxisOrder(axes=channels_last(rank)) if images else UNCHANGED


def per_step_layer(layer: Any) -> Any:
    """Return the layer inside a `TimeDistributed` layer; any other layer as it is."""
    return layer.layer if isinstance(layer, L.TimeDistributed) else layer


def is_reshape(layer: Any) -> bool:
    """Return whether it is the Keras layer Reshape, or the operation `keras.ops.reshape`."""
    return isinstance(layer, L.Reshape) or keras_ops.kind(layer) == "Reshape"


def is_spatial(layer: Any) -> bool:
    """Return whether it works on images, signals or volumes, whose channels can be first or last."""
    return hasattr(layer, "data_format") and isinstance(layer, keras.Layer) and not isinstance(layer, L.Flatten)


def keeps_order(layer: Any) -> bool:
    """Return whether it is a Keras layer that works on each element, or each channel, separately."""
    packages = ("activations.", "regularization.", "normalization.")
    return isinstance(layer, _ELEMENTWISE_LAYERS) or any(
        f"keras.src.layers.{package}" in type(layer).__module__ for package in packages
    )


def input_shape(node: LayerNode) -> tuple[int, ...] | None:
    """Return the shape of a node's input without the batch, and without time for a time-distributed layer."""
    return _shape(node, "input")


def output_shape(node: LayerNode) -> tuple[int, ...] | None:
    """Return the shape of a node's output without the batch, and without time for a time-distributed layer."""
    return _shape(node, "output")


def _shape(node: LayerNode, attribute: str) -> tuple[int, ...] | None:
    try:
        shape = getattr(node.layer, attribute).shape
    except (AttributeError, ValueError):
        return None
    return tuple(shape[2 if isinstance(node.layer, L.TimeDistributed) else 1 :])


def flatten_index(shape: Sequence[int], axes: Sequence[int]) -> Array | None:
    """Return the position in the file's order of each element of a flattened tensor; None for the same order.

    Args:
        shape: the shape of the tensor in the model.
        axes: the file's axis for each axis of the model.
    """
    file_shape = [0] * len(shape)
    for size, axis in zip(shape, axes, strict=True):
        file_shape[axis] = size
    index: Any = np.arange(math.prod(shape)).reshape(file_shape).transpose(axes).ravel()
    return None if (np.diff(index) == 1).all() else index


def _flatten(node: LayerNode, order: AxisOrder) -> AxisOrder:
    shape = input_shape(node)
    if order.lost_at or shape is None or not all(shape):
        return order if order.lost_at else AxisOrder(lost_at=node.name)
    if len(shape) < 2:
        return order
    axes = _axes(node, order, len(shape))
    if getattr(per_step_layer(node.layer), "data_format", None) == "channels_first":
        axes = (*axes[1:], axes[0])
    return AxisOrder(index=flatten_index(shape, axes))


def _axes(node: LayerNode, order: AxisOrder, rank: int) -> tuple[int, ...]:
    """Return the file's axis for each axis of a tensor, of which a time-distributed layer sees fewer."""
    if order.axes is not None and len(order.axes) == rank:
        return order.axes
    from_input = not node.inputs or isinstance(node.inputs[0].layer, L.InputLayer)
    return initial_order(node).axes or tuple(range(rank)) if from_input else tuple(range(rank))


def _reshape(node: LayerNode, order: AxisOrder) -> AxisOrder:
    before, after = input_shape(node), output_shape(node)
    if order.lost_at or before is None or after is None:
        return AxisOrder(lost_at=order.lost_at or node.name)
    if len(after) == 1:
        return _flatten(node, order)
    if len(before) == 1:
        return AxisOrder(axes=channels_last(len(after))) if len(after) > 2 else UNCHANGED
    if before[-1] == after[-1] and order.axes in (None, channels_last(len(before))):
        return UNCHANGED if len(after) == 2 else order
    return UNCHANGED if order.axes in (None, tuple(range(len(before)))) else AxisOrder(lost_at=node.name)


def _permute(node: LayerNode, order: AxisOrder, dims: Sequence[int]) -> AxisOrder:
    """Move axes: axis i becomes ``dims[i]``, counted from 1, as the batch is 0."""
    if order.lost_at:
        return order
    axes = _axes(node, order, len(dims))
    return AxisOrder(axes=tuple(axes[dim - 1] for dim in dims))


def _concatenate(node: LayerNode, inputs: Sequence[AxisOrder]) -> AxisOrder:
    """Concatenate the indices of vectors; images are joined along their channels, which keeps their axes."""
    if all(order.index is None for order in inputs) or any(order.lost_at for order in inputs):
        return next((order for order in inputs if order.lost_at), inputs[0])
    shapes = [output_shape(source) for source in node.inputs]
    if len(shapes) != len(inputs) or any(shape is None or len(shape) != 1 for shape in shapes):
        return AxisOrder(lost_at=node.name)
    sizes = [shape[0] for shape in shapes if shape]
    starts = np.cumsum([0, *sizes[:-1]])
    indices = [
        np.arange(size) if order.index is None else order.index for order, size in zip(inputs, sizes, strict=True)
    ]
    return AxisOrder(index=np.concatenate([start + index for start, index in zip(starts, indices, strict=True)]))


def _equal(order: AxisOrder, other: AxisOrder) -> bool:
    return (
        order.axes == other.axes
        and order.lost_at == other.lost_at
        and (
            order.index is other.index
            or (order.index is not None and other.index is not None and np.array_equal(order.index, other.index))
        )
    )
