"""Functions of each number, and arithmetic of values with each other and with arrays that are known."""

import functools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from kerasbridge.importers.ir.ops import (
    LRN,
    Activation,
    Affine,
    Clip,
    ElementwiseMerge,
    Operation,
    Power,
    ScaleShift,
    Softmax,
)
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.gelu import match_gelu
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor

Handler = Callable[[NodeContext], Any]
Kind = Literal["sum", "product", "maximum", "minimum"]


def elementwise(*operations: Operation) -> Handler:
    """A function of each number, as operations one after the other."""

    def handle(call: NodeContext) -> Tensor:
        tensor = call.tensor()
        for place, operation in enumerate(operations, 1):
            tensor = call.emit(operation, tensor, part="" if place == len(operations) else f"step_{place}")
        return tensor

    return handle


def leaky_relu(call: NodeContext) -> Tensor:
    """LeakyRelu."""
    return call.emit(Activation("relu", call.number("alpha", 0.2)), call.tensor())


def softmax(call: NodeContext, logarithm: bool = False) -> Tensor:
    """Softmax, LogSoftmax: along the last axis."""
    tensor = call.tensor()
    return call.emit(Softmax(tensor.order[-1], logarithm), tensor)


def lrn(call: NodeContext) -> Tensor:
    """LRN: alpha is not divided; the window reaches as far on both sides (`core/kernels/lrn_op.cc`)."""
    images, radius = call.images(), call.integer("depth_radius", 5)
    if not 0 <= radius <= 2**16:
        raise Unsupported(f"has a depth_radius of {radius}")
    bias, alpha, beta = (call.number(option, default) for option, default in (("bias", 1), ("alpha", 1), ("beta", 0.5)))
    return call.emit(LRN(2 * radius + 1, bias, alpha, beta), images)


def add(call: NodeContext) -> Tensor:
    """Add, AddV2, BiasAdd of an array in the last axis."""
    return _with_constant(call, "sum") if _has_constant(call) else _merge(call, "sum")


def add_n(call: NodeContext) -> Tensor:
    """AddN."""
    return _merge(call, "sum", len(call.inputs))


def multiply(call: NodeContext) -> Tensor:
    """Mul; a GELU where it is the last step of one."""
    return _with_constant(call, "product") if _has_constant(call) else match_gelu(call) or _merge(call, "product")


def subtract(call: NodeContext) -> Tensor:
    """Sub."""
    if not _has_constant(call):
        return _merge(call, "sum", coefficients=(1.0, -1.0))
    if isinstance(call.inputs[1], np.ndarray):
        return _affine(call, call.tensor(0), None, -call.constant(1))
    return _affine(call, call.tensor(1), np.float32(-1), call.constant(0))


def divide(call: NodeContext) -> Tensor:
    """RealDiv, Div."""
    if isinstance(call.inputs[1], np.ndarray):
        divisor = call.constant(1)
        if divisor.dtype == object or not np.all(divisor):
            raise Unsupported("has a division by 0, or by a size of images")
        return _affine(call, call.tensor(0), 1 / divisor.astype(np.float64), None)
    inverse = call.emit(Power(-1.0), call.tensor(1), part="inverse")
    if isinstance(call.inputs[0], np.ndarray):
        return _affine(call, inverse, call.constant(0), None)
    return _merge_tensors(call, ElementwiseMerge("product", broadcast=True), [call.tensor(0), inverse])


def squared_difference(call: NodeContext) -> Tensor:
    """SquaredDifference."""
    return call.emit(Power(2.0), subtract(call), part="squared")


def power(call: NodeContext) -> Tensor:
    """Pow, with an exponent that is known."""
    return call.emit(Power(_scalar(call.constant(1))), call.tensor(0))


def maximum(call: NodeContext) -> Tensor:
    """Maximum: with a number a bound; with a share of the same value a leaky ReLU."""
    if not _has_constant(call):
        slope = _leaky_relu_slope(call)
        if slope is not None:
            return call.emit(Activation("relu", slope), _leaky_relu_input(call))
        return _merge(call, "maximum")
    number = _scalar(_constant_operand(call))
    return call.emit(Activation("relu") if number == 0 else Clip(number, float("inf")), _tensor_operand(call))


def minimum(call: NodeContext) -> Tensor:
    """Minimum: with a number a bound."""
    if _has_constant(call):
        return call.emit(Clip(float("-inf"), _scalar(_constant_operand(call))), _tensor_operand(call))
    return _merge(call, "minimum")


def clip_by_value(call: NodeContext) -> Tensor:
    """ClipByValue."""
    return call.emit(Clip(_scalar(call.constant(1)), _scalar(call.constant(2))), call.tensor(0))


def bias_add(call: NodeContext) -> Tensor:
    """BiasAdd: along the channels, in the data format of the node."""
    tensor, bias = call.tensor(), call.weights(1, 1)
    axis = 1 if call.text("data_format", "NHWC") == "NCHW" else tensor.rank - 1
    if tensor.rank < 2:
        raise Unsupported("has an input of one dimension")
    return call.emit(Affine(None, bias, tensor.order[axis]), tensor)


def _leaky_relu_slope(call: NodeContext) -> float | None:
    """The slope of a leaky ReLU that is written as ``maximum(x, slope * x)``."""
    for one, other in ((0, 1), (1, 0)):
        producer = call.state.producers.get(call.tensor(one).name)
        made_so = producer is not None and isinstance(producer.operation, ScaleShift) and not producer.operation.offset
        if producer is not None and made_so and producer.inputs == (call.tensor(other).name,):
            assert isinstance(producer.operation, ScaleShift)
            return producer.operation.scale if 0 <= producer.operation.scale < 1 else None
    return None


def _leaky_relu_input(call: NodeContext) -> Tensor:
    """The value that the leaky ReLU is of."""
    producers = [call.state.producers.get(call.tensor(place).name) for place in (0, 1)]
    first = producers[0]
    return call.tensor(1 if first is not None and first.inputs == (call.tensor(1).name,) else 0)


def _has_constant(call: NodeContext) -> bool:
    return any(isinstance(value, np.ndarray) for value in call.inputs[:2])


def _constant_operand(call: NodeContext) -> Constant:
    return call.constant(0 if isinstance(call.inputs[0], np.ndarray) else 1)


def _tensor_operand(call: NodeContext) -> Tensor:
    return call.tensor(1 if isinstance(call.inputs[0], np.ndarray) else 0)


def _scalar(array: Constant) -> float:
    if array.size != 1 or array.dtype == object:
        raise Unsupported(f"has an array of shape {array.shape}, where one number is expected")
    return _decimal(array)


def _decimal(array: Constant) -> float:
    """A float of 32 bits as the decimal that was written."""
    number = float(array.reshape(-1)[0])
    return float(f"{number:.7g}") if np.float32(f"{number:.7g}") == np.float32(number) else number


def _with_constant(call: NodeContext, kind: Kind) -> Tensor:
    array = _constant_operand(call)
    scale, bias = (array, None) if kind == "product" else (None, array)
    return _affine(call, _tensor_operand(call), scale, bias)


def _affine(call: NodeContext, tensor: Tensor, scale: Any, bias: Any) -> Tensor:
    """``scale * tensor + bias``, of numbers, or of arrays that spread over the tensor as NumPy's do."""
    arrays = [None if one is None else np.asarray(one) for one in (scale, bias)]
    if any(one is not None and one.dtype == object for one in arrays):
        raise Unsupported("has arithmetic with the size of images")
    if all(one is None or one.size == 1 for one in arrays):
        numbers = [default if one is None else _decimal(one) for one, default in zip(arrays, (1.0, 0.0), strict=True)]
        return call.emit(ScaleShift(*numbers), tensor) if numbers != [1.0, 0.0] else tensor
    if scale is not None and arrays[0].size == 1:  # type: ignore[union-attr]
        tensor, arrays[0] = call.emit(ScaleShift(_decimal(arrays[0])), tensor, part="scale"), None  # type: ignore[arg-type]
    axis = min(_spanned_axes(tensor, one)[0] for one in arrays if one is not None and one.size > 1)
    weights = [None if one is None else _broadcast_weight(tensor, one, axis) for one in arrays]
    return call.emit(Affine(weights[0], weights[1], axis), tensor)


def _spanned_axes(tensor: Tensor, array: Constant) -> list[int]:
    """The axes of the network's value along which an array has several numbers, sorted."""
    if array.ndim > tensor.rank:
        raise Unsupported(f"has an array of shape {array.shape} beside {tensor.rank} dimensions")
    first = tensor.rank - array.ndim
    return sorted(tensor.order[first + axis] for axis, size in enumerate(array.shape) if size > 1)


def _broadcast_weight(tensor: Tensor, array: Constant, axis: int) -> Any:
    """The array as it spans the axes of the network's value from one on, as far as it has to."""
    whole = array.reshape((1,) * (tensor.rank - array.ndim) + array.shape)
    whole = whole.transpose(np.argsort(tensor.order))
    spanned = range(axis, _spanned_axes(tensor, array)[-1] + 1)
    if axis == 0:
        raise Unsupported("has an array with numbers of its own for each sample")
    shape = [size if size is not None else whole.shape[one] for one in spanned for size in tensor.shape[one : one + 1]]
    spread = (*whole.shape[:axis], *shape, *(1,) * (tensor.rank - spanned.stop))
    try:
        return np.broadcast_to(whole, spread).reshape(shape).astype(np.float32)
    except ValueError:
        raise Unsupported(f"has an array of shape {array.shape} with a value of shape {tensor.graph_shape}") from None


def _merge(call: NodeContext, kind: Kind, count: int = 2, coefficients: tuple[float, ...] = ()) -> Tensor:
    tensors = [call.tensor(place) for place in range(count)]
    return _merge_tensors(call, ElementwiseMerge(kind, coefficients, broadcast=True), tensors)


def _merge_tensors(call: NodeContext, operation: Operation, tensors: list[Tensor]) -> Tensor:
    """Values in the same order of axes, as one."""
    if len({tensor.rank for tensor in tensors}) > 1:
        raise Unsupported("has values of different numbers of dimensions")
    order = max((tensor.order for tensor in tensors), key=[tensor.order for tensor in tensors].count)
    return call.emit(operation, *(call.with_order(tensor, order) for tensor in tensors))


ARITHMETIC: dict[str, Handler] = {
    "Abs": elementwise(Activation("absolute")),
    "Add": add,
    "AddN": add_n,
    "AddV2": add,
    "BiasAdd": bias_add,
    "ClipByValue": clip_by_value,
    "Div": divide,
    "Elu": elementwise(Activation("elu", 1.0)),
    "Erf": elementwise(Activation("erf")),
    "Erfc": elementwise(Activation("erf"), ScaleShift(-1.0, 1.0)),
    "Exp": elementwise(Activation("exponential")),
    "Inv": elementwise(Power(-1.0)),
    "LRN": lrn,
    "LeakyRelu": leaky_relu,
    "Log": elementwise(Activation("logarithm")),
    "Log1p": elementwise(ScaleShift(1.0, 1.0), Activation("logarithm")),
    "LogSoftmax": functools.partial(softmax, logarithm=True),
    "Maximum": maximum,
    "Minimum": minimum,
    "Mul": multiply,
    "Neg": elementwise(ScaleShift(-1.0)),
    "Pow": power,
    "RealDiv": divide,
    "Reciprocal": elementwise(Power(-1.0)),
    "Relu": elementwise(Activation("relu")),
    "Relu6": elementwise(Clip(0.0, 6.0)),
    "Rsqrt": elementwise(Power(-0.5)),
    "Selu": elementwise(Activation("selu")),
    "Sigmoid": elementwise(Activation("sigmoid")),
    "Softmax": softmax,
    "Softplus": elementwise(Activation("softplus")),
    "Softsign": elementwise(Activation("softsign")),
    "Sqrt": elementwise(Power(0.5)),
    "Square": elementwise(Power(2.0)),
    "SquaredDifference": squared_difference,
    "Sub": subtract,
    "Tanh": elementwise(Activation("tanh")),
}
"""By the name of an operation what it is in the network."""
