"""StridedSlice."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.reshape_sample import reshape_sample
from kerasbridge.importers.tensorflow.ops.reverse import reverse
from kerasbridge.importers.tensorflow.ops.slice import narrow
from kerasbridge.importers.tensorflow.symbolic_values import Constant, SymbolicDim, Tensor

Index = tuple[Any, ...]
"""An index as in Python: for each axis a slice or a number, None for a new axis, and an ellipsis."""


@converts("StridedSlice")
def strided_slice(context: NodeContext) -> Tensor:
    """Convert StridedSlice with steps of 1; of few channels also in reverse order."""
    tensor = context.tensor()
    index = _expand_index(_parse_index(context, tensor.rank), tensor.rank)
    if index[0] is None or not _is_full_slice(index[0]):
        raise Unsupported("has samples that are chosen from the batch")
    axis, axes = 1, []
    for entry in index[1:]:
        if entry is None:
            axes.append(-1)
            continue
        tensor = _narrow_axis(context, tensor, axis, entry)
        if isinstance(entry, slice):
            axes.append(axis)
        axis += 1
    sizes = context.symbolic_shape(tensor)
    return reshape_sample(context, tensor, [1 if axis == -1 else sizes[axis] for axis in axes])


def _is_full_slice(entry: Any) -> bool:
    return isinstance(entry, slice) and entry.start in (None, 0) and entry.stop is None and entry.step in (None, 1)


def _narrow_axis(context: NodeContext, tensor: Tensor, axis: int, entry: Any) -> Tensor:
    if not isinstance(entry, slice):
        return narrow(context, tensor, axis, entry, entry + 1 or None)
    if entry.step == -1 and entry.start in (None, -1) and entry.stop is None:
        return reverse(context, tensor, axis)
    if entry.step not in (None, 1):
        raise Unsupported(f"has a step of {entry.step}")
    return narrow(context, tensor, axis, entry.start or 0, entry.stop)


@folds("StridedSlice")
def fold_strided_slice(context: NodeContext) -> Constant:
    """Fold StridedSlice."""
    array = context.constant(0)
    try:
        return np.asarray(array[_parse_index(context, array.ndim)])
    except (IndexError, ValueError) as error:
        raise Unsupported(f"has places beyond an array of shape {array.shape}") from error


def _parse_index(context: NodeContext, rank: int) -> Index:
    starts, stops, steps = context.constant_dims(1), context.constant_dims(2), context.constant_ints(3)
    if not len(starts) == len(stops) == len(steps) <= 2 * rank + 2:
        raise Unsupported("has as many first places as last ones and steps")
    entries = enumerate(zip(starts, stops, steps, strict=True))
    return tuple(_parse_entry(context, 1 << place, *entry) for place, entry in entries)


def _parse_entry(context: NodeContext, bit: int, start: Any, stop: Any, step: int) -> Any:
    """Return the index of an axis; a mask for which the bit is set overrides the numbers."""
    if context.integer("ellipsis_mask", 0) & bit:
        return Ellipsis
    if context.integer("new_axis_mask", 0) & bit:
        return None
    if context.integer("shrink_axis_mask", 0) & bit:
        return _as_int(start)
    first = None if context.integer("begin_mask", 0) & bit else _as_int(start)
    last = None if context.integer("end_mask", 0) & bit else _as_int(stop)
    if step == 0:
        raise Unsupported("has a step of 0")
    return slice(first, last, step)


def _as_int(number: Any) -> int:
    if isinstance(number, SymbolicDim):
        raise Unsupported("has places that depend on the size of images")
    return int(number)


def _expand_index(index: Index, rank: int) -> list[Any]:
    """Return the index with a slice for each axis that the ellipsis, or the end, stands for."""
    indexed = sum(1 for entry in index if entry is not None and entry is not Ellipsis)
    if indexed > rank:
        raise Unsupported(f"has places in {indexed} axes, where there are {rank}")
    rest = [slice(None)] * (rank - indexed)
    at = next((place for place, entry in enumerate(index) if entry is Ellipsis), len(index))
    return [*index[:at], *rest, *index[at + 1 :]]
