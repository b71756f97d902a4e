"""Gather, GatherV2 and ResourceGather."""

import numpy as np

from kerasbridge.importers.ir.ops.embedding import Embedding
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import check_size
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor
from kerasbridge.importers.tensorflow.variables import VariableHandle


@converts("Gather", "GatherV2", "ResourceGather")
def embedding(context: NodeContext) -> Tensor:
    """Convert an embedding: rows of weights, at indices that are inputs of the model."""
    value = context.inputs[0]
    weights = context.state.variables.read(value.node) if isinstance(value, VariableHandle) else context.constant(0)
    if weights.ndim != 2 or weights.dtype == object or context.integer("batch_dims", 0):
        raise Unsupported(f"has weights of shape {weights.shape}, where rows are expected")
    if len(context.inputs) > 2 and context.axis(2, 2) != 0:
        raise Unsupported("has columns that are chosen by what is fed")
    operation = Embedding(np.ascontiguousarray(weights, np.float32))
    return context.emit(operation, context.with_graph_order(context.tensor(1)), order=())


@folds("Gather", "GatherV2")
def fold_gather(context: NodeContext) -> Constant:
    """Fold Gather."""
    array, indices = context.constant(0), context.constant(1)
    axis = context.axis(2, array.ndim) if len(context.inputs) > 2 else 0
    check_size((*indices.shape, *array.shape))
    try:
        return np.take(array, indices.astype(np.int64), axis)
    except (IndexError, TypeError) as error:
        raise Unsupported(f"has places beyond an array of shape {array.shape}") from error
