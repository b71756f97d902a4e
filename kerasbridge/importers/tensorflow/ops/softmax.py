"""Softmax and LogSoftmax."""

from kerasbridge.importers.ir.ops.softmax import Softmax
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("Softmax", "LogSoftmax", rowwise=True)
def softmax(context: NodeContext) -> Tensor:
    """Convert Softmax and LogSoftmax: along the last axis."""
    tensor = context.tensor()
    return context.emit(Softmax(tensor.order[-1], context.op == "LogSoftmax"), tensor)
