"""Mean, Sum, Max and Min; on constants only, Prod."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from kerasbridge.importers.ir.ops.axis_reduction import AxisReduction
from kerasbridge.importers.ir.ops.pooling import GlobalPooling
from kerasbridge.importers.ir.ops.reduction import Reduction
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import apply
from kerasbridge.importers.tensorflow.ops.merge import merge
from kerasbridge.importers.tensorflow.ops.reshape_sample import reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import Constant, StackedBatches, Tensor

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Max": np.max,
    "Mean": np.mean,
    "Min": np.min,
    "Prod": np.prod,
    "Sum": np.sum,
}
_GLOBAL: dict[str, Literal["average", "max"]] = {"Mean": "average", "Max": "max"}
_KINDS: dict[str, Literal["sum", "mean", "maximum", "minimum"]] = {
    "Mean": "mean",
    "Sum": "sum",
    "Max": "maximum",
    "Min": "minimum",
}


@converts(*_KINDS)
def reduction(context: NodeContext) -> Tensor:
    """Convert a reduction: over height and width a global pooling, else one axis after the other."""
    if isinstance(context.inputs[0], StackedBatches):
        return _reduce_stack(context, context.inputs[0])
    tensor, op = context.tensor(), context.op
    axes = sorted({_normalize_axis(axis, tensor.rank) for axis in context.constant_ints(1)})
    if 0 in axes or (not axes and tensor.rank):
        raise Unsupported("has one value of the whole batch, so that each sample depends on the others")
    keep, sizes = _keepdims(context), context.symbolic_shape(tensor)
    shape = [1 if axis in axes else size for axis, size in enumerate(sizes) if axis and (keep or axis not in axes)]
    if tensor.rank == 4 and {tensor.order[axis] for axis in axes} == {2, 3} and op in _GLOBAL:
        return reshape_sample(context, context.emit(GlobalPooling(_GLOBAL[op]), tensor), shape, part="flat")
    return reshape_sample(context, _reduce_axes(context, tensor, axes), shape, part="shape")


def _reduce_stack(context: NodeContext, stack: StackedBatches) -> Tensor:
    """Reduce the axis along which batches are stacked."""
    count, rank = len(stack.tensors), stack.tensors[0].rank
    if {_normalize_axis(axis, rank + 1) for axis in context.constant_ints(1)} != {0} or _keepdims(context):
        raise Unsupported("has batches that become one")
    kind = _KINDS[context.op]
    coefficients = (1 / count,) * count if kind == "mean" else ()
    return merge(context, "sum" if kind == "mean" else kind, stack.tensors, coefficients)


def _reduce_axes(context: NodeContext, tensor: Tensor, axes: list[int]) -> Tensor:
    """Reduce and remove the axes."""
    tensor, kind = context.with_graph_order(tensor), _KINDS[context.op]
    if axes == list(range(axes[0], tensor.rank)) and (kind == "mean" or kind == "sum"):
        return context.emit(Reduction(kind, axes[0]), tensor, order=range(axes[0]))
    for axis in reversed(axes):
        tensor = context.emit(AxisReduction(kind, axis), tensor, order=range(tensor.rank - 1))
    return tensor


def _normalize_axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise Unsupported(f"has an axis {axis} of {rank}")
    return axis % rank


@folds(*_FUNCTIONS)
def fold_reduction(context: NodeContext) -> Constant:
    """Fold a reduction."""
    array = context.constant(0)
    axes = tuple(context.constant_ints(1)) if len(context.inputs) > 1 else None
    try:
        result = np.asarray(apply(_FUNCTIONS[context.op], array, axis=axes, keepdims=_keepdims(context)))
    except ValueError:
        raise Unsupported(f"has axes {axes} of an array of shape {array.shape}") from None
    return result if object in (result.dtype, array.dtype) else result.astype(array.dtype)


def _keepdims(context: NodeContext) -> bool:
    return context.flag("keep_dims") or context.flag("keepdims")
