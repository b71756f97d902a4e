"""Slice."""

from kerasbridge.importers.ir.ops.slice import Slice
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, Constant, SymbolicDim, Tensor


@converts("Slice")
def slice_(context: NodeContext) -> Tensor:
    """Convert Slice: starts and sizes, of which -1 is the rest."""
    tensor, starts, counts = context.tensor(), context.constant_ints(1), context.constant_dims(2)
    if len(starts) != tensor.rank or len(counts) != tensor.rank or starts[0] != 0:
        raise Unsupported("has samples that are chosen from the batch")
    if counts[0] != -1 and counts[0] != BATCH and counts[0] != context.state.batch_size:
        raise Unsupported("has samples that are chosen from the batch")
    for axis, (start, count) in enumerate(zip(starts, counts, strict=True)):
        if axis and isinstance(count, SymbolicDim):
            raise Unsupported("has places that depend on the size of images")
        if axis:
            tensor = narrow(context, tensor, axis, start, None if count == -1 else start + count)
    return tensor


def narrow(context: NodeContext, tensor: Tensor, axis: int, start: int, stop: int | None) -> Tensor:
    """Return the part of a value from `start` up to `stop` along an axis of the TensorFlow graph."""
    size = tensor.graph_shape[axis]
    if stop is not None and size is not None and stop >= size:
        stop = None
    if start == 0 and stop is None:
        return tensor
    return context.emit(Slice(tensor.order[axis], start, stop), tensor, part=f"axis_{axis}")


@folds("Slice")
def fold_slice(context: NodeContext) -> Constant:
    """Fold Slice."""
    array, starts, counts = context.constant(0), context.constant_ints(1), context.constant_ints(2)
    if len(starts) != array.ndim or len(counts) != array.ndim or min([*starts, 0]) < 0:
        raise Unsupported(f"has places beyond an array of shape {array.shape}")
    slices = (slice(start, None if count < 0 else start + count) for start, count in zip(starts, counts, strict=True))
    return array[tuple(slices)]
