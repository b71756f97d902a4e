"""Give the samples of a value another shape."""

from collections.abc import Sequence
from typing import Any

from kerasbridge.importers.ir.ops.flatten import Flatten
from kerasbridge.importers.ir.ops.reshape import Reshape
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, SymbolicDim, Tensor


def reshape_sample(context: NodeContext, tensor: Tensor, wanted: Sequence[Any], part: str = "") -> Tensor:
    """Return the value with samples of other sizes; a symbolic size is that of the same axis, or else inferred."""
    sizes = context.symbolic_shape(tensor)
    if list(wanted) == sizes[1:]:
        return tensor
    if len([size for size in sizes[1:] if size != 1]) > 1:
        tensor = context.with_graph_order(tensor)
    if len(wanted) == 1 and not isinstance(wanted[0], SymbolicDim):
        operation = Flatten() if tensor.rank > 2 else Reshape((0, int(wanted[0])))
        return context.emit(operation, tensor, order=(0, 1), part=part)
    new = [_reshape_size(sizes, axis, size) for axis, size in enumerate(wanted, 1)]
    return context.emit(Reshape((0, *new)), tensor, order=range(len(wanted) + 1), part=part)


def _reshape_size(sizes: Sequence[Any], axis: int, size: Any) -> int:
    if not isinstance(size, SymbolicDim):
        return int(size)
    return 0 if axis < len(sizes) and sizes[axis] == size else -1


def format_shape(sizes: Sequence[Any]) -> str:
    """Return the shape as text: (N, any, 3)."""
    names = ("N" if size == BATCH else "any" if isinstance(size, SymbolicDim) else str(size) for size in sizes)
    return f"({', '.join(names)})"
