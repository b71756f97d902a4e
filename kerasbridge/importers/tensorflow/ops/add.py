"""Add, AddN and BiasAdd."""

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.affine import affine
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.ops.merge import merge
from kerasbridge.importers.tensorflow.ops.operands import constant_operand, has_constant, tensor_operand
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Add", "AddV2", rowwise=True)
def add(context: NodeContext) -> Tensor:
    """Convert Add: a bias, or the sum of two values."""
    if has_constant(context):
        return affine(context, tensor_operand(context), None, constant_operand(context))
    return merge(context, "sum")


@converts("AddN", rowwise=True)
def add_n(context: NodeContext) -> Tensor:
    """Convert AddN: the sum of values."""
    return merge(context, "sum", [context.tensor(place) for place in range(len(context.inputs))])


@folds("Add", "AddV2")
def fold_add(context: NodeContext) -> Constant:
    """Fold a sum of two arrays."""
    return fold_elementwise(context, lambda a, b: a + b)


@folds("AddN")
def fold_add_n(context: NodeContext) -> Constant:
    """Fold a sum of arrays."""
    return fold_elementwise(context, lambda *arrays: sum(arrays))


@converts("BiasAdd", rowwise=True)
def bias_add(context: NodeContext) -> Tensor:
    """Convert BiasAdd: along the channels, in the data format of the node."""
    tensor, bias = context.tensor(), context.weights(1, 1)
    axis = 1 if context.text("data_format", "NHWC") == "NCHW" else tensor.rank - 1
    if tensor.rank < 2:
        raise Unsupported("has an input of one dimension")
    return context.emit(Affine(None, bias, tensor.order[axis]), tensor)
