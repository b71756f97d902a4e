"""Pieces of values: what is cut out, taken apart, or turned round."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Slice, Split
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.indexing import expand_index, slice_index
from kerasbridge.importers.tensorflow.ops.reshaping import concatenate, reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, SymbolicDim, Tensor


def split(call: NodeContext) -> list[Tensor]:
    """Split: the axis comes first."""
    tensor = call.tensor(1)
    axis, pieces = call.axis(0, tensor.rank), call.integer("num_split", 1)
    if pieces == 1:
        return [tensor]
    return call.emit_all(Split(tensor.order[axis], pieces), tensor)


def split_v(call: NodeContext) -> list[Tensor]:
    """SplitV: sizes, then the axis; -1 is what is left."""
    tensor, counts = call.tensor(0), call.constant_ints(1)
    axis = call.axis(2, tensor.rank)
    size = tensor.graph_shape[axis]
    if -1 in counts and size is not None:
        counts[counts.index(-1)] = size - sum(count for count in counts if count != -1)
    if size is None or min(counts) < 1 or sum(counts) != size:
        raise Unsupported(f"has pieces {counts} of {size}")
    if len(counts) == 1:
        return [tensor]
    points = tuple(int(point) for point in np.cumsum(counts)[:-1])
    return call.emit_all(Split(tensor.order[axis], len(counts), points), tensor)


def unpack(call: NodeContext) -> list[Tensor]:
    """Unpack along any axis but the batch."""
    tensor = call.tensor()
    axis, pieces = call.integer("axis", 0) % tensor.rank, call.integer("num", 1)
    if axis == 0 or not 0 < pieces <= 2**16:
        raise Unsupported("has a batch that is taken apart")
    cut = call.emit_all(Split(tensor.order[axis], pieces), tensor) if pieces > 1 else [tensor]
    without = [size for place, size in enumerate(call.symbolic_shape(tensor)) if place not in (0, axis)]
    return [reshape_sample(call, piece, without, part=f"part_{place}") for place, piece in enumerate(cut)]


def strided_slice(call: NodeContext) -> Tensor:
    """StridedSlice with steps of 1; of channels also backwards."""
    tensor = call.tensor()
    places = expand_index(slice_index(call, tensor.rank), tensor.rank)
    if places[0] is None or not _is_full_slice(places[0]):
        raise Unsupported("has samples that are chosen from the batch")
    axis, after = 1, [0]
    for one in places[1:]:
        if one is None:
            after.append(-1)
            continue
        tensor = _narrow_axis(call, tensor, axis, one)
        if isinstance(one, slice):
            after.append(axis)
        axis += 1
    sizes = call.symbolic_shape(tensor)
    return reshape_sample(call, tensor, [1 if axis == -1 else sizes[axis] for axis in after[1:]])


def _is_full_slice(place: Any) -> bool:
    return isinstance(place, slice) and place.start in (None, 0) and place.stop is None and place.step in (None, 1)


def _narrow_axis(call: NodeContext, tensor: Tensor, axis: int, place: Any) -> Tensor:
    if isinstance(place, slice):
        if place.step == -1 and place.start in (None, -1) and place.stop is None:
            return reverse(call, tensor, axis)
        if place.step not in (None, 1):
            raise Unsupported(f"has a step of {place.step}")
        return narrow(call, tensor, axis, place.start or 0, place.stop)
    return narrow(call, tensor, axis, place, place + 1 or None)


def narrow(call: NodeContext, tensor: Tensor, axis: int, start: int, stop: int | None) -> Tensor:
    """Return the part of a value from `start` up to `stop` along an axis of the TensorFlow graph."""
    size = tensor.graph_shape[axis]
    if stop is not None and size is not None and stop >= size:
        stop = None
    if start == 0 and stop is None:
        return tensor
    return call.emit(Slice(tensor.order[axis], start, stop), tensor, part=f"axis_{axis}")


def reverse(call: NodeContext, tensor: Tensor, axis: int) -> Tensor:
    """The numbers along an axis in the other order, as red, green, blue become blue, green, red."""
    size = tensor.graph_shape[axis]
    if axis == 0 or size is None or size > 16:
        raise Unsupported("has an axis of many places that is turned round")
    if size == 1:
        return tensor
    pieces = call.emit_all(Split(tensor.order[axis], size), tensor, part="pieces")
    return concatenate(call, pieces[::-1], axis)


def slice_(call: NodeContext) -> Tensor:
    """Slice: -1 is all that is left."""
    tensor, starts, counts = call.tensor(), call.constant_ints(1), call.constant_dims(2)
    if len(starts) != tensor.rank or len(counts) != tensor.rank or starts[0] != 0:
        raise Unsupported("has samples that are chosen from the batch")
    if counts[0] != -1 and counts[0] != BATCH and counts[0] != call.state.batch_size:
        raise Unsupported("has samples that are chosen from the batch")
    for axis, (start, count) in enumerate(zip(starts, counts, strict=True)):
        if axis and isinstance(count, SymbolicDim):
            raise Unsupported("has places that depend on the size of images")
        if axis:
            tensor = narrow(call, tensor, axis, start, None if count == -1 else start + count)
    return tensor


def reverse_v2(call: NodeContext) -> Tensor:
    """ReverseV2, of few channels."""
    tensor = call.tensor()
    for axis in sorted({axis % tensor.rank for axis in call.constant_ints(1)}):
        tensor = reverse(call, tensor, axis)
    return tensor


PIECES: dict[str, Callable[[NodeContext], Any]] = {
    "ReverseV2": reverse_v2,
    "Slice": slice_,
    "Split": split,
    "SplitV": split_v,
    "StridedSlice": strided_slice,
    "Unpack": unpack,
}
"""By the name of an operation what it is in the network."""
