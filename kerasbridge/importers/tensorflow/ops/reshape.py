"""Reshape."""

import math
from collections.abc import Sequence
from typing import Any

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.reshape_sample import format_shape, reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, Constant, SymbolicDim, Tensor, UnstackedRows


@converts("Reshape")
def reshape(context: NodeContext) -> Any:
    """Convert a Reshape that keeps the batch: as -1, its size, or 1 if the file fixes it at 1."""
    wanted = context.constant_dims(1)
    if isinstance(context.inputs[0], UnstackedRows):
        return _restack_rows(context, context.inputs[0].tensor, wanted)
    tensor = context.tensor()
    sizes = context.symbolic_shape(tensor)
    if not wanted:
        raise Unsupported("has one number for the whole batch")
    if not _keeps_batch(sizes, wanted, context.state.batch_size):
        if len(wanted) == 2 < len(sizes) and wanted[1] in (sizes[-1], -1) and wanted != [-1, -1]:
            return UnstackedRows(context.with_graph_order(tensor))
        raise Unsupported(
            f"has the shape {format_shape(wanted)} for one of {format_shape(sizes)}, which takes samples apart"
        )
    return reshape_sample(context, tensor, _fill_in(sizes, wanted))


def _restack_rows(context: NodeContext, tensor: Tensor, wanted: list[Any]) -> Any:
    """Return the samples that rows were taken from, if the shape is theirs."""
    sizes = context.symbolic_shape(tensor)
    batch = [-1, BATCH] if context.state.batch_size is None else [-1, BATCH, context.state.batch_size]
    fits = len(wanted) == len(sizes) and wanted[0] in batch
    if not fits or any(one not in (size, -1) for one, size in zip(wanted[1:], sizes[1:], strict=True)):
        raise Unsupported(f"has the shape {format_shape(wanted)} for rows of samples of {format_shape(sizes)}")
    return tensor


def _keeps_batch(sizes: Sequence[Any], wanted: Sequence[Any], batch: int | None) -> bool:
    """Return whether the first size is that of the batch."""
    if wanted[0] == BATCH or (wanted[0] == batch and batch is not None):
        return True
    if wanted[0] != -1:
        return False
    symbolic = [size for size in wanted[1:] if isinstance(size, SymbolicDim)]
    rest = [size for size in sizes[1:] if not (isinstance(size, SymbolicDim) and size in symbolic)]
    known = [size for size in wanted[1:] if not isinstance(size, SymbolicDim)]
    return any(isinstance(size, SymbolicDim) for size in rest) or bool(math.prod(rest) == math.prod(known))


def _fill_in(sizes: Sequence[Any], wanted: Sequence[Any]) -> list[Any]:
    """Return the sizes of a sample, with the size for -1 if it is known."""
    filled = list(wanted[1:])
    if -1 in filled and not any(isinstance(size, SymbolicDim) for size in (*sizes[1:], *filled)):
        rest = math.prod(size for size in filled if size != -1)
        total = math.prod(sizes[1:])
        if rest and total % rest == 0 and filled.count(-1) == 1:
            filled[filled.index(-1)] = total // rest
    return filled


@folds("Reshape")
def fold_reshape(context: NodeContext) -> Constant:
    """Fold Reshape."""
    array, shape = context.constant(0), context.constant_ints(1)
    try:
        return array.reshape(shape)
    except ValueError:
        raise Unsupported(f"has an array of shape {array.shape} that has no shape {shape}") from None
