"""Mul."""

from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.affine import affine
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.ops.gelu import match_gelu
from kerasbridge.importers.tensorflow.ops.merge import merge
from kerasbridge.importers.tensorflow.ops.operands import constant_operand, has_constant, tensor_operand
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Mul", rowwise=True)
def multiply(context: NodeContext) -> Tensor:
    """Convert Mul: a factor, the product of two values, or the last step of a GELU."""
    if has_constant(context):
        return affine(context, tensor_operand(context), constant_operand(context), None)
    return match_gelu(context) or merge(context, "product")


@folds("Mul")
def fold_multiply(context: NodeContext) -> Constant:
    """Fold a product."""
    return fold_elementwise(context, lambda a, b: a * b)
