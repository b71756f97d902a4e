"""Helpers of the handlers that compute constants with NumPy."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.files.budget import spend
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import Constant

MAX_SIZE = 2**27
"""The maximum size of a result, which may be much larger than the inputs."""


def fold_elementwise(context: NodeContext, function: Callable[..., Any]) -> Constant:
    """Apply a function to each number, or each pair; the result has the type of the first input, as in TensorFlow."""
    arrays = context.constants()
    check_size(np.broadcast_shapes(*(array.shape for array in arrays)))
    with np.errstate(all="ignore"):
        result = np.asarray(apply(function, *arrays))
    dtype = arrays[0].dtype
    return result if object in (result.dtype, dtype) or result.dtype == bool else result.astype(dtype)


def apply(function: Callable[..., Any], *arrays: Constant, **options: Any) -> Any:
    """Apply a NumPy function; raise `Unsupported` if it does not accept symbolic dimensions."""
    try:
        return function(*arrays, **options)
    except (TypeError, AttributeError):
        raise Unsupported("has numbers that depend on the size of images") from None


def check_size(shape: Any) -> None:
    """Raise `Unsupported` for the shape of a result that is invalid or too large."""
    if min([*shape, 0]) < 0 or math.prod(shape) > MAX_SIZE:
        raise Unsupported(f"has a result of the shape {tuple(shape)}")
    spend(memory=8 * math.prod(shape))
