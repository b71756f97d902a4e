"""Transpose."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Transpose")
def transpose(context: NodeContext) -> Tensor:
    """Convert Transpose; for four dimensions only the order of axes changes."""
    tensor, order = context.tensor(), context.constant_ints(1)
    if sorted(order) != list(range(tensor.rank)) or order[0] != 0:
        raise Unsupported(f"has an order {order} of {tensor.rank} axes, which moves the batch")
    moved = Tensor(tensor.name, tensor.shape, tuple(tensor.order[axis] for axis in order))
    return moved if tensor.rank == 4 else context.with_graph_order(moved)


@folds("Transpose")
def fold_transpose(context: NodeContext) -> Constant:
    """Fold Transpose."""
    array, order = context.constant(0), context.constant_ints(1)
    if sorted(order) != list(range(array.ndim)):
        raise Unsupported(f"has an order {order} of {array.ndim} axes")
    return array.transpose(order)
