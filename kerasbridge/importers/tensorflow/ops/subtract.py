"""Sub and SquaredDifference."""

import numpy as np

from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.affine import affine
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.ops.merge import merge
from kerasbridge.importers.tensorflow.ops.operands import has_constant
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Sub", rowwise=True)
def subtract(context: NodeContext) -> Tensor:
    """Convert Sub: a bias, or the difference of two values."""
    if not has_constant(context):
        return merge(context, "sum", coefficients=(1.0, -1.0))
    if isinstance(context.inputs[1], np.ndarray):
        return affine(context, context.tensor(0), None, -context.constant(1))
    return affine(context, context.tensor(1), np.float32(-1), context.constant(0))


@folds("Sub")
def fold_subtract(context: NodeContext) -> Constant:
    """Fold a difference."""
    return fold_elementwise(context, lambda a, b: a - b)


@converts("SquaredDifference", rowwise=True)
def squared_difference(context: NodeContext) -> Tensor:
    """Convert SquaredDifference."""
    return context.emit(Power(2.0), subtract(context), part="squared")


@folds("SquaredDifference")
def fold_squared_difference(context: NodeContext) -> Constant:
    """Fold a squared difference."""
    return fold_elementwise(context, lambda a, b: (a - b) * (a - b))
