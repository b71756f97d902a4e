"""Operations that create arrays, on constants only: Fill, Range and BroadcastTo."""

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import folds
from kerasbridge.importers.tensorflow.ops.fold import check_size
from kerasbridge.importers.tensorflow.symbolic_values import Constant, SymbolicDim


@folds("Fill")
def fill(context: NodeContext) -> Constant:
    """Fold Fill."""
    shape = context.constant_ints(0)
    check_size(shape)
    return np.full(shape, context.constant(1))


@folds("Range")
def arange(context: NodeContext) -> Constant:
    """Fold Range."""
    start, stop, step = (context.constant(place).reshape(-1)[0] for place in range(3))
    if any(isinstance(number, SymbolicDim) for number in (start, stop, step)) or step == 0:
        raise Unsupported("has numbers that depend on the size of images")
    check_size([int(abs((stop - start) / step)) + 1])
    return np.arange(start, stop, step, dtype=context.constant(0).dtype)


@folds("BroadcastTo")
def broadcast_to(context: NodeContext) -> Constant:
    """Fold BroadcastTo."""
    shape = context.constant_ints(1)
    check_size(shape)
    return np.broadcast_to(context.constant(0), shape)
