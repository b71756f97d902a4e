"""Operations that reshape, transpose, concatenate and repeat values."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from kerasbridge.importers.ir.ops import (
    ArgMax,
    Concatenate,
    Flatten,
    Reshape,
    Tile,
)
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, SymbolicDim, Tensor, UnstackedRows


def reshape(call: NodeContext) -> Any:
    """Reshape, which leaves the batch alone: -1, its size, or 1 where the file fixes it at 1."""
    wanted = call.constant_dims(1)
    if isinstance(call.inputs[0], UnstackedRows):
        return _restack_rows(call, call.inputs[0].tensor, wanted)
    tensor = call.tensor()
    sizes = call.symbolic_shape(tensor)
    if not wanted:
        raise Unsupported("has one number for the whole batch")
    if not _keeps_batch(sizes, wanted, call.state.batch_size):
        if len(wanted) == 2 < len(sizes) and wanted[1] in (sizes[-1], -1) and wanted != [-1, -1]:
            return UnstackedRows(call.with_graph_order(tensor))
        raise Unsupported(
            f"has the shape {_format_shape(wanted)} for one of {_format_shape(sizes)}, which takes samples apart"
        )
    return reshape_sample(call, tensor, _fill_in(sizes, wanted))


def _restack_rows(call: NodeContext, tensor: Tensor, wanted: list[Any]) -> Any:
    """UnstackedRows as the samples that they were, or as rows again."""
    sizes = call.symbolic_shape(tensor)
    kept = [-1, BATCH] if call.state.batch_size is None else [-1, BATCH, call.state.batch_size]
    fits = len(wanted) == len(sizes) and wanted[0] in kept
    if not fits or any(one not in (size, -1) for one, size in zip(wanted[1:], sizes[1:], strict=True)):
        raise Unsupported(f"has the shape {_format_shape(wanted)} for rows of samples of {_format_shape(sizes)}")
    return tensor


def _keeps_batch(sizes: Sequence[Any], wanted: Sequence[Any], batch: int | None) -> bool:
    """Return whether the first size is that of the batch."""
    if wanted[0] == BATCH or (wanted[0] == batch and batch is not None):
        return True
    if wanted[0] != -1:
        return False
    there, then = sizes[1:], [size for size in wanted[1:] if not isinstance(size, SymbolicDim)]
    opened = [size for size in wanted[1:] if isinstance(size, SymbolicDim)]
    left = [size for size in there if not (isinstance(size, SymbolicDim) and size in opened)]
    return any(isinstance(size, SymbolicDim) for size in left) or math.prod(left) == math.prod(then)


def _fill_in(sizes: Sequence[Any], wanted: Sequence[Any]) -> list[Any]:
    """The sizes of a sample, -1 filled in where it can be."""
    found = list(wanted[1:])
    if -1 in found and not any(isinstance(size, SymbolicDim) for size in (*sizes[1:], *found)):
        rest = math.prod(size for size in found if size != -1)
        total = math.prod(sizes[1:])
        if rest and total % rest == 0 and found.count(-1) == 1:
            found[found.index(-1)] = total // rest
    return found


def reshape_sample(call: NodeContext, tensor: Tensor, wanted: Sequence[Any], part: str = "") -> Tensor:
    """The value with samples of other sizes; a size that is open is that of an axis of before."""
    sizes = call.symbolic_shape(tensor)
    if list(wanted) == sizes[1:]:
        return tensor
    if len([size for size in sizes[1:] if size != 1]) > 1:
        tensor = call.with_graph_order(tensor)
    if len(wanted) == 1 and not isinstance(wanted[0], SymbolicDim):
        flat = Flatten() if tensor.rank > 2 else Reshape((0, int(wanted[0])))
        return call.emit(flat, tensor, order=(0, 1), part=part)
    there = [_reshape_size(sizes, place, size) for place, size in enumerate(wanted, 1)]
    return call.emit(Reshape((0, *there)), tensor, order=range(len(wanted) + 1), part=part)


def _reshape_size(sizes: Sequence[Any], place: int, size: Any) -> int:
    if not isinstance(size, SymbolicDim):
        return int(size)
    return 0 if place < len(sizes) and sizes[place] == size else -1


def _format_shape(sizes: Sequence[Any]) -> str:
    return (
        "("
        + ", ".join("N" if size == BATCH else "any" if isinstance(size, SymbolicDim) else str(size) for size in sizes)
        + ")"
    )


def expand_dims(call: NodeContext) -> Tensor:
    """ExpandDims."""
    tensor = call.tensor()
    axis = call.axis(1, tensor.rank + 1)
    sizes = call.symbolic_shape(tensor)
    if axis == 0:
        raise Unsupported("has a batch of batches")
    return reshape_sample(call, tensor, [*sizes[1:axis], 1, *sizes[axis:]])


def squeeze(call: NodeContext) -> Tensor:
    """Squeeze: of axes that are named, or of all of one place but the batch."""
    tensor = call.tensor()
    sizes = call.symbolic_shape(tensor)
    named = call.integers("squeeze_dims") or call.integers("axis")
    axes = {axis % tensor.rank for axis in named} or {axis for axis in range(1, tensor.rank) if sizes[axis] == 1}
    if 0 in axes or not all(sizes[axis] == 1 or isinstance(sizes[axis], SymbolicDim) for axis in axes):
        raise Unsupported(f"has axes {sorted(axes)} of the shape {_format_shape(sizes)}")
    return reshape_sample(call, tensor, [size for axis, size in enumerate(sizes) if axis and axis not in axes])


def transpose(call: NodeContext) -> Tensor:
    """Transpose: of what has four dimensions only the order is noted."""
    tensor, order = call.tensor(), call.constant_ints(1)
    if sorted(order) != list(range(tensor.rank)) or order[0] != 0:
        raise Unsupported(f"has an order {order} of {tensor.rank} axes, which moves the batch")
    moved = Tensor(tensor.name, tensor.shape, tuple(tensor.order[axis] for axis in order))
    return moved if tensor.rank == 4 else call.with_graph_order(moved)


def concat(call: NodeContext) -> Tensor:
    """Concat, ConcatV2."""
    first = call.node.op == "Concat"
    values = call.inputs[1:] if first else call.inputs[:-1]
    tensors = [value for value in values if isinstance(value, Tensor)]
    if len(tensors) < len(values):
        raise Unsupported("has an array among its inputs")
    axis = call.axis(0 if first else len(values), tensors[0].rank)
    return concatenate(call, tensors, axis)


def concatenate(call: NodeContext, tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Values one after the other along an axis of the graph's."""
    order = tensors[0].order
    if len({tensor.rank for tensor in tensors}) > 1:
        raise Unsupported("has values of different numbers of dimensions")
    if len(tensors) == 1:
        return tensors[0]
    return call.emit(Concatenate(order[axis]), *(call.with_order(tensor, order) for tensor in tensors))


def pack(call: NodeContext) -> Any:
    """Pack of values of the network: each with a new axis, one after the other."""
    tensors = [call.tensor(place) for place in range(len(call.inputs))]
    axis = call.integer("axis", 0) % (tensors[0].rank + 1)
    if axis == 0:
        raise Unsupported("has batches that become one")
    grown = []
    for place, tensor in enumerate(tensors):
        sizes = call.symbolic_shape(tensor)
        grown.append(reshape_sample(call, tensor, [*sizes[1:axis], 1, *sizes[axis:]], part=f"axis_{place}"))
    return concatenate(call, grown, axis)


def tile(call: NodeContext) -> Tensor:
    """Tile."""
    tensor, copies = call.tensor(), call.constant_ints(1)
    if len(copies) != tensor.rank or copies[0] != 1 or not 1 <= min(copies) <= max(copies) <= 2**16:
        raise Unsupported(f"has copies {copies}")
    for axis, times in enumerate(copies):
        if times > 1:
            tensor = call.emit(Tile(tensor.order[axis], times), tensor, part=f"axis_{axis}")
    return tensor


def arg_max(call: NodeContext) -> Tensor:
    """ArgMax; which of equal numbers counts TensorFlow leaves open."""
    tensor = call.tensor(0)
    axis = call.axis(1, tensor.rank)
    if axis == 0:
        raise Unsupported("has a largest sample of the batch")
    found = call.emit(ArgMax(tensor.order[axis]), tensor)
    return reshape_sample(
        call,
        found,
        [size for place, size in enumerate(call.symbolic_shape(found)) if place not in (0, axis)],
        part="flat",
    )


def cast(call: NodeContext) -> Tensor:
    """Cast, which changes nothing where numbers are whole already."""
    tensor = call.tensor()
    floating = (1, 2, 14, 19)
    before, after = call.dtype("SrcT"), call.dtype("DstT")
    fed = any(entry.name == tensor.name for entry in call.state.inputs)
    if before in floating and after not in floating and not fed:
        raise Unsupported("has numbers that are rounded")
    if after == 10:
        raise Unsupported("has numbers that become yes or no")
    return tensor


SHAPING: dict[str, Callable[[NodeContext], Any]] = {
    "ArgMax": arg_max,
    "Cast": cast,
    "Concat": concat,
    "ConcatV2": concat,
    "ExpandDims": expand_dims,
    "Pack": pack,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
}
"""By the name of an operation what it is in the network."""
