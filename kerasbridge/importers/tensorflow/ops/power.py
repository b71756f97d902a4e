"""Pow."""

from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.ops.operands import scalar
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Pow", rowwise=True)
def power(context: NodeContext) -> Tensor:
    """Convert Pow with a constant exponent."""
    return context.emit(Power(scalar(context.constant(1))), context.tensor(0))


@folds("Pow")
def fold_power(context: NodeContext) -> Constant:
    """Fold a power."""
    return fold_elementwise(context, lambda a, b: a**b)
