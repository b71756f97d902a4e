"""Shape, Size and Rank, also of values whose shape is not fully known."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import executes
from kerasbridge.importers.tensorflow.symbolic_values import DEAD, Fault, ScalarPlaceholder, Tensor, Value


@executes("Shape")
def shape(context: NodeContext) -> Value:
    """Return the shape of the input."""
    sizes = _input_shape(context)
    if sizes is DEAD or isinstance(sizes, Fault):
        return sizes
    known = all(isinstance(size, int | np.integer) for size in sizes)
    return np.array(sizes, np.int64 if known else object)


@executes("Size")
def size(context: NodeContext) -> Value:
    """Return the number of elements of the input."""
    sizes = _input_shape(context)
    return sizes if sizes is DEAD or isinstance(sizes, Fault) else np.array(np.prod(np.array([1, *sizes], object)))


@executes("Rank")
def rank(context: NodeContext) -> Value:
    """Return the number of dimensions of the input."""
    sizes = _input_shape(context)
    return sizes if sizes is DEAD or isinstance(sizes, Fault) else np.array(len(sizes), np.int32)


def _input_shape(context: NodeContext) -> Any:
    """Return the sizes of the input; an input that is dead or a fault is returned itself."""
    (value,) = context.inputs[:1] or [None]
    if isinstance(value, Tensor):
        return context.symbolic_shape(value)
    if isinstance(value, np.ndarray):
        return list(value.shape)
    if value is DEAD or isinstance(value, Fault):
        return value
    if isinstance(value, ScalarPlaceholder):
        return []
    raise Unsupported("has an input without a size")
