"""Concat, with the axis as the first input, and ConcatV2, with the axis as the last."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops.concatenate import Concatenate
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Concat", "ConcatV2")
def concat(context: NodeContext) -> Tensor:
    """Convert both."""
    axis, places = _axis_and_values(context)
    tensors = [context.inputs[place] for place in places if isinstance(context.inputs[place], Tensor)]
    if len(tensors) < len(places):
        raise Unsupported("has an array among its inputs")
    return concatenate(context, tensors, context.axis(axis, tensors[0].rank))


def concatenate(context: NodeContext, tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Concatenate values along an axis of the TensorFlow graph."""
    order = tensors[0].order
    if len({tensor.rank for tensor in tensors}) > 1:
        raise Unsupported("has values of different numbers of dimensions")
    if len(tensors) == 1:
        return tensors[0]
    return context.emit(Concatenate(order[axis]), *(context.with_order(tensor, order) for tensor in tensors))


@folds("Concat", "ConcatV2")
def fold_concat(context: NodeContext) -> Constant:
    """Fold both."""
    axis, places = _axis_and_values(context)
    arrays = [context.constant(place) for place in places]
    dimension = context.axis(axis, arrays[0].ndim)
    try:
        return np.concatenate(common_dtype(arrays), dimension)
    except ValueError as error:
        raise Unsupported(f"has arrays that do not fit each other: {error}") from None


def _axis_and_values(context: NodeContext) -> tuple[int, Sequence[int]]:
    """Return which input is the axis, and which are the values."""
    places = range(len(context.inputs))
    return (0, places[1:]) if context.op == "Concat" else (len(places) - 1, places[:-1])


def common_dtype(arrays: list[Constant]) -> list[Constant]:
    """Return the arrays as arrays of objects if one of them contains symbolic dimensions."""
    if any(array.dtype == object for array in arrays):
        return [array.astype(object) for array in arrays]
    return arrays
