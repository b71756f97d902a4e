"""Arithmetic of a value of the network with constants: factors and biases, broadcast as in NumPy."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.operands import decimal
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


def affine(context: NodeContext, tensor: Tensor, scale: Any, bias: Any) -> Tensor:
    """Add ``scale * tensor + bias`` to the graph; None for no scale or no bias."""
    arrays = [None if one is None else np.asarray(one) for one in (scale, bias)]
    if any(array is not None and array.dtype == object for array in arrays):
        raise Unsupported("has arithmetic with the size of images")
    if all(array is None or array.size == 1 for array in arrays):
        numbers = [1.0 if arrays[0] is None else decimal(arrays[0]), 0.0 if arrays[1] is None else decimal(arrays[1])]
        return context.emit(ScaleShift(*numbers), tensor) if numbers != [1.0, 0.0] else tensor
    if arrays[0] is not None and arrays[0].size == 1:
        tensor, arrays[0] = context.emit(ScaleShift(decimal(arrays[0])), tensor, part="scale"), None
    axis = min(_spanned_axes(tensor, array)[0] for array in arrays if array is not None and array.size > 1)
    weights = [None if array is None else _broadcast_weight(tensor, array, axis) for array in arrays]
    return context.emit(Affine(weights[0], weights[1], axis), tensor)


def _spanned_axes(tensor: Tensor, array: Constant) -> list[int]:
    """Return the axes of the value in the graph along which an array has several numbers, sorted."""
    if array.ndim > tensor.rank:
        raise Unsupported(f"has an array of shape {array.shape} with a value of {tensor.rank} dimensions")
    first = tensor.rank - array.ndim
    return sorted(tensor.order[first + axis] for axis, size in enumerate(array.shape) if size > 1)


def _broadcast_weight(tensor: Tensor, array: Constant, axis: int) -> Any:
    """Return the array broadcast to the axes of the value in the graph, from an axis to the last that it spans."""
    expanded = array.reshape((1,) * (tensor.rank - array.ndim) + array.shape)
    expanded = expanded.transpose(np.argsort(tensor.order))
    spanned = range(axis, _spanned_axes(tensor, array)[-1] + 1)
    if axis == 0:
        raise Unsupported("has an array with numbers of its own for each sample")
    shape = [size if size is not None else expanded.shape[at] for at in spanned for size in tensor.shape[at : at + 1]]
    broadcast = (*expanded.shape[:axis], *shape, *(1,) * (tensor.rank - spanned.stop))
    try:
        return np.broadcast_to(expanded, broadcast).reshape(shape).astype(np.float32)
    except ValueError:
        raise Unsupported(f"has an array of shape {array.shape} with a value of shape {tensor.graph_shape}") from None
