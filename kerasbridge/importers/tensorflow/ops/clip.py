"""Maximum, Minimum and ClipByValue: bounds, merges, or a leaky ReLU."""

import numpy as np

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.clip import Clip
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.ops.merge import merge
from kerasbridge.importers.tensorflow.ops.operands import constant_operand, has_constant, scalar, tensor_operand
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Maximum", rowwise=True)
def maximum(context: NodeContext) -> Tensor:
    """Convert Maximum: a lower bound, a ReLU, or the maximum of two values."""
    if not has_constant(context):
        return _match_leaky_relu(context) or merge(context, "maximum")
    bound = scalar(constant_operand(context))
    return context.emit(Activation("relu") if bound == 0 else Clip(bound, float("inf")), tensor_operand(context))


def _match_leaky_relu(context: NodeContext) -> Tensor | None:
    """Match a maximum against a leaky ReLU, ``maximum(x, slope * x)``; return None if it does not match."""
    for scaled, plain in ((0, 1), (1, 0)):
        producer = context.state.producers.get(context.tensor(scaled).name)
        if producer is None or producer.inputs != (context.tensor(plain).name,):
            continue
        operation = producer.operation
        if isinstance(operation, ScaleShift) and not operation.offset:
            slope = operation.scale
            return context.emit(Activation("relu", slope), context.tensor(plain)) if 0 <= slope < 1 else None
    return None


@folds("Maximum")
def fold_maximum(context: NodeContext) -> Constant:
    """Fold a maximum."""
    return fold_elementwise(context, np.maximum)


@converts("Minimum", rowwise=True)
def minimum(context: NodeContext) -> Tensor:
    """Convert Minimum: an upper bound, or the minimum of two values."""
    if has_constant(context):
        return context.emit(Clip(float("-inf"), scalar(constant_operand(context))), tensor_operand(context))
    return merge(context, "minimum")


@folds("Minimum")
def fold_minimum(context: NodeContext) -> Constant:
    """Fold a minimum."""
    return fold_elementwise(context, np.minimum)


@converts("ClipByValue", rowwise=True)
def clip_by_value(context: NodeContext) -> Tensor:
    """Convert ClipByValue."""
    return context.emit(Clip(scalar(context.constant(1)), scalar(context.constant(2))), context.tensor(0))
