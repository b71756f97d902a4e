"""Tile."""

import numpy as np

from kerasbridge.importers.ir.ops.tile import Tile
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import check_size
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Tile")
def tile(context: NodeContext) -> Tensor:
    """Convert Tile along any axes but the batch."""
    tensor, copies = context.tensor(), context.constant_ints(1)
    if len(copies) != tensor.rank or copies[0] != 1 or not 1 <= min(copies) <= max(copies) <= 2**16:
        raise Unsupported(f"has copies {copies}")
    for axis, times in enumerate(copies):
        if times > 1:
            tensor = context.emit(Tile(tensor.order[axis], times), tensor, part=f"axis_{axis}")
    return tensor


@folds("Tile")
def fold_tile(context: NodeContext) -> Constant:
    """Fold Tile."""
    array, copies = context.constant(0), context.constant_ints(1)
    if len(copies) != array.ndim or min([*copies, 0]) < 0:
        raise Unsupported(f"has copies {copies} of an array of shape {array.shape}")
    check_size([size * times for size, times in zip(array.shape, copies, strict=True)])
    return np.tile(array, copies)
