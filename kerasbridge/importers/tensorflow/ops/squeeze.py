"""Squeeze and ExpandDims."""

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.reshape_sample import format_shape, reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import Constant, SymbolicDim, Tensor


@converts("ExpandDims")
def expand_dims(context: NodeContext) -> Tensor:
    """Convert ExpandDims."""
    tensor = context.tensor()
    axis = context.axis(1, tensor.rank + 1)
    sizes = context.symbolic_shape(tensor)
    if axis == 0:
        raise Unsupported("has a batch of batches")
    return reshape_sample(context, tensor, [*sizes[1:axis], 1, *sizes[axis:]])


@folds("ExpandDims")
def fold_expand_dims(context: NodeContext) -> Constant:
    """Fold ExpandDims."""
    return np.expand_dims(context.constant(0), context.axis(1, context.constant(0).ndim + 1))


@converts("Squeeze")
def squeeze(context: NodeContext) -> Tensor:
    """Convert Squeeze: the axes of the option, or all of size 1 but the batch."""
    tensor = context.tensor()
    sizes = context.symbolic_shape(tensor)
    axes = {axis % tensor.rank for axis in _axes_option(context)}
    axes = axes or {axis for axis in range(1, tensor.rank) if sizes[axis] == 1}
    if 0 in axes or not all(sizes[axis] == 1 or isinstance(sizes[axis], SymbolicDim) for axis in axes):
        raise Unsupported(f"has axes {sorted(axes)} of the shape {format_shape(sizes)}")
    return reshape_sample(context, tensor, [size for axis, size in enumerate(sizes) if axis and axis not in axes])


@folds("Squeeze")
def fold_squeeze(context: NodeContext) -> Constant:
    """Fold Squeeze."""
    array = context.constant(0)
    axes = _axes_option(context) or tuple(axis for axis, size in enumerate(array.shape) if size == 1)
    if any(not -array.ndim <= axis < array.ndim or array.shape[axis] != 1 for axis in axes):
        raise Unsupported(f"has axes {axes} of an array of shape {array.shape}")
    return np.squeeze(array, axes)


def _axes_option(context: NodeContext) -> tuple[int, ...]:
    return context.integers("squeeze_dims") or context.integers("axis")
