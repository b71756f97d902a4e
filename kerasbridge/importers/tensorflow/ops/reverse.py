"""ReverseV2."""

from kerasbridge.importers.ir.ops.split import Split
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.ops.concat import concatenate
from kerasbridge.importers.tensorflow.symbolic_values import Tensor

MAX_SIZE = 16
"""The maximum size of an axis that is reversed, such as RGB channels: each position becomes a node."""


@converts("ReverseV2")
def reverse_v2(context: NodeContext) -> Tensor:
    """Convert ReverseV2."""
    tensor = context.tensor()
    for axis in sorted({axis % tensor.rank for axis in context.constant_ints(1)}):
        tensor = reverse(context, tensor, axis)
    return tensor


def reverse(context: NodeContext, tensor: Tensor, axis: int) -> Tensor:
    """Reverse the order of the numbers along an axis, such as RGB to BGR."""
    size = tensor.graph_shape[axis]
    if axis == 0 or size is None or size > MAX_SIZE:
        raise Unsupported("has an axis of many places that is turned round")
    if size == 1:
        return tensor
    pieces = context.emit_all(Split(tensor.order[axis], size), tensor, part="pieces")
    return concatenate(context, pieces[::-1], axis)
