"""Pack and Unpack."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.split import Split
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.concat import common_dtype, concatenate
from kerasbridge.importers.tensorflow.ops.reshape_sample import reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import Constant, StackedBatches, Tensor


@converts("Pack")
def pack(context: NodeContext) -> Any:
    """Convert Pack: values are concatenated along a new axis."""
    tensors = [context.tensor(place) for place in range(len(context.inputs))]
    axis = context.integer("axis", 0) % (tensors[0].rank + 1)
    if axis == 0:
        return StackedBatches(tuple(tensors))
    expanded = []
    for place, tensor in enumerate(tensors):
        sizes = context.symbolic_shape(tensor)
        expanded.append(reshape_sample(context, tensor, [*sizes[1:axis], 1, *sizes[axis:]], part=f"axis_{place}"))
    return concatenate(context, expanded, axis)


@folds("Pack")
def fold_pack(context: NodeContext) -> Constant:
    """Fold Pack."""
    arrays = common_dtype(context.constants())
    axis = context.integer("axis", 0)
    if len({array.shape for array in arrays}) != 1 or not -arrays[0].ndim - 1 <= axis <= arrays[0].ndim:
        raise Unsupported("has arrays that are not of one shape")
    return np.stack(arrays, axis)


@converts("Unpack")
def unpack(context: NodeContext) -> list[Tensor]:
    """Convert Unpack along any axis but the batch."""
    stack = context.inputs[0]
    if isinstance(stack, StackedBatches) and context.integer("axis", 0) % (stack.tensors[0].rank + 1) == 0:
        return [*stack.tensors]
    tensor = context.tensor()
    axis, count = context.integer("axis", 0) % tensor.rank, context.integer("num", 1)
    if axis == 0 or not 0 < count <= 2**16:
        raise Unsupported("has a batch that is taken apart")
    pieces = context.emit_all(Split(tensor.order[axis], count), tensor) if count > 1 else [tensor]
    rest = [size for place, size in enumerate(context.symbolic_shape(tensor)) if place not in (0, axis)]
    return [reshape_sample(context, piece, rest, part=f"part_{place}") for place, piece in enumerate(pieces)]


@folds("Unpack")
def fold_unpack(context: NodeContext) -> list[Constant]:
    """Fold Unpack."""
    array, axis = context.constant(0), context.integer("axis", 0)
    if not -array.ndim <= axis < array.ndim:
        raise Unsupported(f"has an axis {axis} of an array of shape {array.shape}")
    return [*np.moveaxis(array, axis, 0)]
