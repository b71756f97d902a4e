"""Select, on constants only; with random numbers it is a dropout, see dropout.py."""

import numpy as np

from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import folds
from kerasbridge.importers.tensorflow.ops.fold import check_size
from kerasbridge.importers.tensorflow.symbolic_values import Constant


@folds("Select", "SelectV2")
def select(context: NodeContext) -> Constant:
    """Fold Select."""
    condition, first, second = (context.constant(place) for place in range(3))
    check_size(np.broadcast_shapes(condition.shape, first.shape, second.shape))
    return np.where(condition, first, second)
