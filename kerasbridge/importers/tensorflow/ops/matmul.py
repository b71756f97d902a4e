"""MatMul and BatchMatMul."""

import numpy as np

from kerasbridge.files.budget import spend
from kerasbridge.importers.ir.ops.dense import Dense
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import check_size
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor

_PRODUCTS_PER_STEP = 20_000


@converts("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
@converts("MatMul", rowwise=True)
def matmul(context: NodeContext) -> Tensor:
    """Convert the product with a constant matrix."""
    if isinstance(context.inputs[0], np.ndarray) or context.flag("transpose_a") or context.flag("adj_x"):
        raise Unsupported("has a matrix before what is fed to the model")
    weights, tensor = context.constant(1), context.tensor()
    if weights.ndim > 2 and all(size == 1 for size in weights.shape[:-2]):
        weights = weights.reshape(weights.shape[-2:])
    if weights.ndim != 2 or weights.dtype == object or not weights.size:
        raise Unsupported(f"has a matrix of shape {weights.shape}")
    transposed = context.flag("transpose_b") or context.flag("adj_y")
    weights = np.ascontiguousarray(weights if transposed else weights.T, np.float32)
    tensor = context.with_graph_order(tensor)
    return context.emit(Dense(weights, None, tensor.rank - 1), tensor)


@folds("MatMul")
def fold_matmul(context: NodeContext) -> Constant:
    """Fold the product of two matrices."""
    first, second = context.weights(0, 2), context.weights(1, 2)
    first = first.T if context.flag("transpose_a") else first
    second = second.T if context.flag("transpose_b") else second
    if first.shape[1] != second.shape[0]:
        raise Unsupported(f"has matrices of shapes {first.shape} and {second.shape}")
    check_size((len(first), second.shape[1]))
    spend(steps=first.size * second.shape[1] // _PRODUCTS_PER_STEP)
    product: Constant = first @ second
    return product
