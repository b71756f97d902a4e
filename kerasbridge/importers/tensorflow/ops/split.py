"""Split and SplitV."""

import numpy as np

from kerasbridge.importers.ir.ops.split import Split
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Split")
def split(context: NodeContext) -> list[Tensor]:
    """Convert Split, whose axis is the first input."""
    tensor = context.tensor(1)
    axis, count = context.axis(0, tensor.rank), context.integer("num_split", 1)
    if count == 1:
        return [tensor]
    return context.emit_all(Split(tensor.order[axis], count), tensor)


@folds("Split")
def fold_split(context: NodeContext) -> list[Constant]:
    """Fold Split."""
    array, count = context.constant(1), context.integer("num_split", 1)
    axis = context.axis(0, array.ndim)
    if count < 1 or array.shape[axis] % count:
        raise Unsupported(f"has an array of shape {array.shape} that cannot be cut into {count}")
    return np.split(array, count, axis)


@converts("SplitV")
def split_v(context: NodeContext) -> list[Tensor]:
    """Convert SplitV: sizes, of which -1 is the rest, then the axis."""
    tensor, counts = context.tensor(0), context.constant_ints(1)
    axis = context.axis(2, tensor.rank)
    size = tensor.graph_shape[axis]
    if -1 in counts and size is not None:
        counts[counts.index(-1)] = size - sum(count for count in counts if count != -1)
    if size is None or min(counts) < 1 or sum(counts) != size:
        raise Unsupported(f"has pieces {counts} of {size}")
    if len(counts) == 1:
        return [tensor]
    points = tuple(int(point) for point in np.cumsum(counts)[:-1])
    return context.emit_all(Split(tensor.order[axis], len(counts), points), tensor)
