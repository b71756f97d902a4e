"""Sums, means and largest numbers along axes."""

from collections.abc import Callable
from typing import Any, Literal

from kerasbridge.importers.ir.ops import AxisReduction, GlobalPooling, Reduction
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.reshaping import reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import Tensor

_GLOBAL: dict[str, Literal["average", "max"]] = {"Mean": "average", "Max": "max"}
_KINDS: dict[str, Literal["sum", "mean", "maximum", "minimum"]] = {
    "Mean": "mean",
    "Sum": "sum",
    "Max": "maximum",
    "Min": "minimum",
}


def reduce(call: NodeContext) -> Tensor:
    """Mean, Sum, Max, Min: over height and width pooling, else one axis after the other."""
    tensor = call.tensor()
    axes = sorted({_normalize_axis(axis, tensor.rank) for axis in call.constant_ints(1)})
    if 0 in axes or (not axes and tensor.rank):
        raise Unsupported("has one number of the whole batch")
    keep, sizes = call.flag("keep_dims") or call.flag("keepdims"), call.symbolic_shape(tensor)
    after = [1 if axis in axes else size for axis, size in enumerate(sizes) if axis and (keep or axis not in axes)]
    if tensor.rank == 4 and {tensor.order[axis] for axis in axes} == {2, 3} and call.node.op in _GLOBAL:
        return reshape_sample(call, call.emit(GlobalPooling(_GLOBAL[call.node.op]), tensor), after, part="flat")
    return reshape_sample(call, _reduce_axes(call, tensor, axes), after, part="shape")


def _reduce_axes(call: NodeContext, tensor: Tensor, axes: list[int]) -> Tensor:
    """The value without the axes."""
    tensor = call.with_graph_order(tensor)
    if axes == list(range(axes[0], tensor.rank)) and call.node.op in ("Mean", "Sum"):
        kind: Any = _KINDS[call.node.op]
        return call.emit(Reduction(kind, axes[0]), tensor, order=range(axes[0]))
    for axis in reversed(axes):
        tensor = call.emit(AxisReduction(_KINDS[call.node.op], axis), tensor, order=range(tensor.rank - 1))
    return tensor


def _normalize_axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise Unsupported(f"has an axis {axis} of {rank}")
    return axis % rank


REDUCING: dict[str, Callable[[NodeContext], Any]] = dict.fromkeys(_KINDS, reduce)
"""By the name of an operation what it is in the network."""
