"""Operations on constants, computed with NumPy: shapes, and arithmetic of weights."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.indexing import slice_index
from kerasbridge.importers.tensorflow.symbolic_values import Constant, SymbolicDim
from kerasbridge.importers.tensorflow.tensors import DTYPES

_MAX_SIZE = 2**27
"""Numbers that a small operation may make of less."""

Fold = Callable[[NodeContext], Any]


def elementwise(function: Callable[..., Any]) -> Fold:
    """A function of each number, in the type of the first input, as TensorFlow's are."""

    def fold(call: NodeContext) -> Constant:
        arrays = [call.constant(place) for place in range(len(call.inputs))]
        _check_size(np.broadcast_shapes(*(array.shape for array in arrays)))
        with np.errstate(all="ignore"):
            found = np.asarray(_checked(function)(*arrays))
        kind = arrays[0].dtype
        return found if object in (found.dtype, kind) or found.dtype == bool else found.astype(kind)

    return fold


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    def safe(*arrays: Constant, **options: Any) -> Any:
        try:
            return function(*arrays, **options)
        except (TypeError, AttributeError):
            raise Unsupported("has numbers that depend on the size of images") from None

    return safe


def comparison(function: Callable[..., Any]) -> Fold:
    """A comparison of each two numbers."""

    def fold(call: NodeContext) -> Constant:
        return np.asarray(_checked(function)(call.constant(0), call.constant(1)), bool)

    return fold


def reduction(function: Callable[..., Any]) -> Fold:
    """One number for several along axes."""

    def fold(call: NodeContext) -> Constant:
        array = call.constant(0)
        axes = tuple(call.constant_ints(1)) if len(call.inputs) > 1 else None
        keep = call.flag("keep_dims") or call.flag("keepdims")
        try:
            found = np.asarray(_checked(function)(array, axis=axes, keepdims=keep))
        except ValueError:
            raise Unsupported(f"has axes {axes} of an array of shape {array.shape}") from None
        return found if object in (found.dtype, array.dtype) else found.astype(array.dtype)

    return fold


def cast(call: NodeContext) -> Constant:
    """Cast."""
    array, kind = call.constant(0), DTYPES.get(call.dtype("DstT"))
    return array if kind is None or array.dtype == object or call.dtype("DstT") == 14 else array.astype(kind)


def reshape(call: NodeContext) -> Constant:
    """Reshape."""
    return _reshape(call.constant(0), call.constant_ints(1))


def _reshape(array: Constant, shape: list[int]) -> Constant:
    try:
        return array.reshape(shape)
    except ValueError:
        raise Unsupported(f"has an array of shape {array.shape} that has no shape {shape}") from None


def transpose(call: NodeContext) -> Constant:
    """Transpose."""
    array, order = call.constant(0), call.constant_ints(1)
    if sorted(order) != list(range(array.ndim)):
        raise Unsupported(f"has an order {order} of {array.ndim} axes")
    return array.transpose(order)


def expand_dims(call: NodeContext) -> Constant:
    """ExpandDims."""
    return np.expand_dims(call.constant(0), call.axis(1, call.constant(0).ndim + 1))


def squeeze(call: NodeContext) -> Constant:
    """Squeeze."""
    array, axes = call.constant(0), call.integers("squeeze_dims") or call.integers("axis")
    axes = axes or tuple(axis for axis, size in enumerate(array.shape) if size == 1)
    if any(not -array.ndim <= axis < array.ndim or array.shape[axis] != 1 for axis in axes):
        raise Unsupported(f"has axes {axes} of an array of shape {array.shape}")
    return np.squeeze(array, axes)


def pack(call: NodeContext) -> Constant:
    """Pack: arrays of one shape along a new axis."""
    arrays = _common_dtype([call.constant(place) for place in range(len(call.inputs))])
    axis = call.integer("axis", 0)
    if len({array.shape for array in arrays}) != 1 or not -arrays[0].ndim - 1 <= axis <= arrays[0].ndim:
        raise Unsupported("has arrays that are not of one shape")
    return np.stack(arrays, axis)


def concatenate(arrays: list[Constant], axis: int) -> Constant:
    """Arrays one after the other."""
    try:
        return np.concatenate(_common_dtype(arrays), axis)
    except ValueError as error:
        raise Unsupported(f"has arrays that do not fit each other: {error}") from None


def _common_dtype(arrays: list[Constant]) -> list[Constant]:
    if any(array.dtype == object for array in arrays):
        return [array.astype(object) for array in arrays]
    return arrays


def concat_v2(call: NodeContext) -> Constant:
    """ConcatV2: the axis comes last."""
    arrays = [call.constant(place) for place in range(len(call.inputs) - 1)]
    return concatenate(arrays, call.axis(len(arrays), arrays[0].ndim))


def concat(call: NodeContext) -> Constant:
    """Concat: the axis comes first."""
    arrays = [call.constant(place) for place in range(1, len(call.inputs))]
    return concatenate(arrays, call.axis(0, arrays[0].ndim))


def strided_slice(call: NodeContext) -> Constant:
    """StridedSlice."""
    array = call.constant(0)
    try:
        return np.asarray(array[slice_index(call, array.ndim)])
    except (IndexError, ValueError) as error:
        raise Unsupported(f"has places beyond an array of shape {array.shape}") from error


def slice_(call: NodeContext) -> Constant:
    """Slice: -1 is all that is left."""
    array, starts, counts = call.constant(0), call.constant_ints(1), call.constant_ints(2)
    if len(starts) != array.ndim or len(counts) != array.ndim or min([*starts, 0]) < 0:
        raise Unsupported(f"has places beyond an array of shape {array.shape}")
    return array[tuple(slice(a, None if n < 0 else a + n) for a, n in zip(starts, counts, strict=True))]


def gather(call: NodeContext) -> Constant:
    """Gather, GatherV2."""
    array, places = call.constant(0), call.constant(1)
    axis = call.axis(2, array.ndim) if len(call.inputs) > 2 else 0
    _check_size((*places.shape, *array.shape))
    try:
        return np.take(array, places.astype(np.int64), axis)
    except (IndexError, TypeError) as error:
        raise Unsupported(f"has places beyond an array of shape {array.shape}") from error


def fill(call: NodeContext) -> Constant:
    """Fill."""
    shape = call.constant_ints(0)
    _check_size(shape)
    return np.full(shape, call.constant(1))


def tile(call: NodeContext) -> Constant:
    """Tile."""
    array, copies = call.constant(0), call.constant_ints(1)
    if len(copies) != array.ndim or min([*copies, 0]) < 0:
        raise Unsupported(f"has copies {copies} of an array of shape {array.shape}")
    _check_size([size * times for size, times in zip(array.shape, copies, strict=True)])
    return np.tile(array, copies)


def arange(call: NodeContext) -> Constant:
    """Range."""
    start, stop, step = (call.constant(place).reshape(-1)[0] for place in range(3))
    if any(isinstance(one, SymbolicDim) for one in (start, stop, step)) or step == 0:
        raise Unsupported("has numbers that depend on the size of images")
    _check_size([int(abs((stop - start) / step)) + 1])
    return np.arange(start, stop, step, dtype=call.constant(0).dtype)


def split(call: NodeContext) -> list[Constant]:
    """Split: the axis comes first."""
    array, pieces = call.constant(1), call.integer("num_split", 1)
    axis = call.axis(0, array.ndim)
    if pieces < 1 or array.shape[axis] % pieces:
        raise Unsupported(f"has an array of shape {array.shape} that cannot be cut into {pieces}")
    return np.split(array, pieces, axis)


def unpack(call: NodeContext) -> list[Constant]:
    """Unpack."""
    array, axis = call.constant(0), call.integer("axis", 0)
    if not -array.ndim <= axis < array.ndim:
        raise Unsupported(f"has an axis {axis} of an array of shape {array.shape}")
    return [*np.moveaxis(array, axis, 0)]


def select(call: NodeContext) -> Constant:
    """Select, SelectV2."""
    chosen, first, second = (call.constant(place) for place in range(3))
    _check_size(np.broadcast_shapes(chosen.shape, first.shape, second.shape))
    return np.where(chosen, first, second)


def matmul(call: NodeContext) -> Constant:
    """MatMul of two arrays."""
    first, second = call.weights(0, 2), call.weights(1, 2)
    first = first.T if call.flag("transpose_a") else first
    second = second.T if call.flag("transpose_b") else second
    if first.shape[1] != second.shape[0]:
        raise Unsupported(f"has matrices of shapes {first.shape} and {second.shape}")
    _check_size((len(first), second.shape[1]))
    product: Constant = first @ second
    return product


def broadcast_to(call: NodeContext) -> Constant:
    """BroadcastTo."""
    shape = call.constant_ints(1)
    _check_size(shape)
    return np.broadcast_to(call.constant(0), shape)


def shape(call: NodeContext) -> Constant:
    """Shape of an array."""
    return np.array(call.constant(0).shape, np.int64)


def _check_size(shape: Any) -> None:
    if min([*shape, 0]) < 0 or math.prod(shape) > _MAX_SIZE:
        raise Unsupported(f"has a result of the shape {tuple(shape)}")


def _floor_divide(first: Constant, second: Constant) -> Any:
    if first.dtype != object and second.dtype != object and not np.all(second):
        raise Unsupported("has a division by 0")
    return first // second


FOLDS: dict[str, Fold] = {
    "Abs": elementwise(np.abs),
    "Add": elementwise(lambda a, b: a + b),
    "AddV2": elementwise(lambda a, b: a + b),
    "AddN": elementwise(lambda *all_: sum(all_)),
    "BroadcastTo": broadcast_to,
    "Cast": cast,
    "Ceil": elementwise(np.ceil),
    "Concat": concat,
    "ConcatV2": concat_v2,
    "Div": elementwise(lambda a, b: a / b if a.dtype.kind == "f" else _floor_divide(a, b)),
    "Equal": comparison(lambda a, b: a == b),
    "Exp": elementwise(np.exp),
    "ExpandDims": expand_dims,
    "Fill": fill,
    "Floor": elementwise(np.floor),
    "FloorDiv": elementwise(_floor_divide),
    "FloorMod": elementwise(lambda a, b: a % b),
    "Gather": gather,
    "GatherV2": gather,
    "Greater": comparison(lambda a, b: a > b),
    "GreaterEqual": comparison(lambda a, b: a >= b),
    "Inv": elementwise(lambda a: 1 / a),
    "Less": comparison(lambda a, b: a < b),
    "LessEqual": comparison(lambda a, b: a <= b),
    "Log": elementwise(np.log),
    "LogicalAnd": comparison(np.logical_and),
    "LogicalNot": elementwise(np.logical_not),
    "LogicalOr": comparison(np.logical_or),
    "MatMul": matmul,
    "Max": reduction(np.max),
    "Maximum": elementwise(np.maximum),
    "Mean": reduction(np.mean),
    "Min": reduction(np.min),
    "Minimum": elementwise(np.minimum),
    "Mul": elementwise(lambda a, b: a * b),
    "Neg": elementwise(lambda a: -a),
    "NotEqual": comparison(lambda a, b: a != b),
    "OnesLike": elementwise(np.ones_like),
    "Pack": pack,
    "Pow": elementwise(lambda a, b: a**b),
    "Prod": reduction(np.prod),
    "Range": arange,
    "RealDiv": elementwise(lambda a, b: a / b),
    "Reciprocal": elementwise(lambda a: 1 / a),
    "Relu": elementwise(lambda a: np.maximum(a, 0)),
    "Reshape": reshape,
    "Round": elementwise(np.round),
    "Rsqrt": elementwise(lambda a: 1 / np.sqrt(a)),
    "Select": select,
    "SelectV2": select,
    "Shape": shape,
    "Sigmoid": elementwise(lambda a: 1 / (1 + np.exp(-a))),
    "Slice": slice_,
    "Split": split,
    "Sqrt": elementwise(np.sqrt),
    "Square": elementwise(lambda a: a * a),
    "SquaredDifference": elementwise(lambda a, b: (a - b) * (a - b)),
    "Squeeze": squeeze,
    "StridedSlice": strided_slice,
    "Sub": elementwise(lambda a, b: a - b),
    "Sum": reduction(np.sum),
    "Tanh": elementwise(np.tanh),
    "Tile": tile,
    "Transpose": transpose,
    "Unpack": unpack,
    "ZerosLike": elementwise(np.zeros_like),
}
"""By the name of an operation how it is computed of arrays."""
