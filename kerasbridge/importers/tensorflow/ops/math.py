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
from kerasbridge.importers.tensorflow.node_context import Call, NotBrought
from kerasbridge.importers.tensorflow.ops.gelu import gelu
from kerasbridge.importers.tensorflow.symbolic_values import Known, Tensor

Handler = Callable[[Call], Any]
Kind = Literal["sum", "product", "maximum", "minimum"]


def each(*operations: Operation) -> Handler:
    """A function of each number, as operations one after the other."""

    def handle(call: Call) -> Tensor:
        tensor = call.tensor()
        for place, operation in enumerate(operations, 1):
            tensor = call.emit(operation, tensor, part="" if place == len(operations) else f"step_{place}")
        return tensor

    return handle


def leaky_relu(call: Call) -> Tensor:
    """LeakyRelu."""
    return call.emit(Activation("relu", call.number("alpha", 0.2)), call.tensor())


def softmax(call: Call, logarithm: bool = False) -> Tensor:
    """Softmax, LogSoftmax: along the last axis."""
    tensor = call.tensor()
    return call.emit(Softmax(tensor.order[-1], logarithm), tensor)


def local_response(call: Call) -> Tensor:
    """LRN: alpha is not divided; the window reaches as far on both sides (`core/kernels/lrn_op.cc`)."""
    images, radius = call.images(), call.whole("depth_radius", 5)
    if not 0 <= radius <= 2**16:
        raise NotBrought(f"a depth_radius of {radius}")
    bias, alpha, beta = (call.number(option, default) for option, default in (("bias", 1), ("alpha", 1), ("beta", 0.5)))
    return call.emit(LRN(2 * radius + 1, bias, alpha, beta), images)


def add(call: Call) -> Tensor:
    """Add, AddV2, BiasAdd of an array in the last axis."""
    return _with_array(call, "sum") if _has_array(call) else _combined(call, "sum")


def add_all(call: Call) -> Tensor:
    """AddN."""
    return _combined(call, "sum", len(call.inputs))


def multiply(call: Call) -> Tensor:
    """Mul; a GELU where it is the last step of one."""
    return _with_array(call, "product") if _has_array(call) else gelu(call) or _combined(call, "product")


def subtract(call: Call) -> Tensor:
    """Sub."""
    if not _has_array(call):
        return _combined(call, "sum", coefficients=(1.0, -1.0))
    if isinstance(call.inputs[1], np.ndarray):
        return _affine(call, call.tensor(0), None, -call.known(1))
    return _affine(call, call.tensor(1), np.float32(-1), call.known(0))


def divide(call: Call) -> Tensor:
    """RealDiv, Div."""
    if isinstance(call.inputs[1], np.ndarray):
        divisor = call.known(1)
        if divisor.dtype == object or not np.all(divisor):
            raise NotBrought("a division by 0, or by a size of images")
        return _affine(call, call.tensor(0), 1 / divisor.astype(np.float64), None)
    inverse = call.emit(Power(-1.0), call.tensor(1), part="inverse")
    if isinstance(call.inputs[0], np.ndarray):
        return _affine(call, inverse, call.known(0), None)
    return _joined(call, ElementwiseMerge("product", spread=True), [call.tensor(0), inverse])


def squared_difference(call: Call) -> Tensor:
    """SquaredDifference."""
    return call.emit(Power(2.0), subtract(call), part="squared")


def power(call: Call) -> Tensor:
    """Pow, with an exponent that is known."""
    return call.emit(Power(_scalar(call.known(1))), call.tensor(0))


def largest(call: Call) -> Tensor:
    """Maximum: with a number a bound; with a share of the same value a leaky ReLU."""
    if not _has_array(call):
        slope = _slope(call)
        if slope is not None:
            return call.emit(Activation("relu", slope), slope_of(call))
        return _combined(call, "maximum")
    number = _scalar(_array(call))
    return call.emit(Activation("relu") if number == 0 else Clip(number, float("inf")), _only_tensor(call))


def smallest(call: Call) -> Tensor:
    """Minimum: with a number a bound."""
    if _has_array(call):
        return call.emit(Clip(float("-inf"), _scalar(_array(call))), _only_tensor(call))
    return _combined(call, "minimum")


def clip(call: Call) -> Tensor:
    """ClipByValue."""
    return call.emit(Clip(_scalar(call.known(1)), _scalar(call.known(2))), call.tensor(0))


def bias_add(call: Call) -> Tensor:
    """BiasAdd: along the channels, wherever the node says they are."""
    tensor, bias = call.tensor(), call.weights(1, 1)
    axis = 1 if call.text("data_format", "NHWC") == "NCHW" else tensor.rank - 1
    if tensor.rank < 2:
        raise NotBrought("an input of one dimension")
    return call.emit(Affine(None, bias, tensor.order[axis]), tensor)


def _slope(call: Call) -> float | None:
    """The slope of a leaky ReLU that is written as ``maximum(x, slope * x)``."""
    for one, other in ((0, 1), (1, 0)):
        maker = call.tracer.makers.get(call.tensor(one).name)
        made_so = maker is not None and isinstance(maker.operation, ScaleShift) and not maker.operation.offset
        if maker is not None and made_so and maker.inputs == (call.tensor(other).name,):
            assert isinstance(maker.operation, ScaleShift)
            return maker.operation.scale if 0 <= maker.operation.scale < 1 else None
    return None


def slope_of(call: Call) -> Tensor:
    """The value that the leaky ReLU is of."""
    makers = [call.tracer.makers.get(call.tensor(place).name) for place in (0, 1)]
    first = makers[0]
    return call.tensor(1 if first is not None and first.inputs == (call.tensor(1).name,) else 0)


def _has_array(call: Call) -> bool:
    return any(isinstance(value, np.ndarray) for value in call.inputs[:2])


def _array(call: Call) -> Known:
    return call.known(0 if isinstance(call.inputs[0], np.ndarray) else 1)


def _only_tensor(call: Call) -> Tensor:
    return call.tensor(1 if isinstance(call.inputs[0], np.ndarray) else 0)


def _scalar(array: Known) -> float:
    if array.size != 1 or array.dtype == object:
        raise NotBrought(f"an array of shape {array.shape}, where one number is expected")
    return _decimal(array)


def _decimal(array: Known) -> float:
    """A float of 32 bits as the decimal that was written."""
    number = float(array.reshape(-1)[0])
    return float(f"{number:.7g}") if np.float32(f"{number:.7g}") == np.float32(number) else number


def _with_array(call: Call, kind: Kind) -> Tensor:
    array = _array(call)
    scale, bias = (array, None) if kind == "product" else (None, array)
    return _affine(call, _only_tensor(call), scale, bias)


def _affine(call: Call, tensor: Tensor, scale: Any, bias: Any) -> Tensor:
    """``scale * tensor + bias``, of numbers, or of arrays that spread over the tensor as NumPy's do."""
    arrays = [None if one is None else np.asarray(one) for one in (scale, bias)]
    if any(one is not None and one.dtype == object for one in arrays):
        raise NotBrought("arithmetic with the size of images")
    if all(one is None or one.size == 1 for one in arrays):
        numbers = [default if one is None else _decimal(one) for one, default in zip(arrays, (1.0, 0.0), strict=True)]
        return call.emit(ScaleShift(*numbers), tensor) if numbers != [1.0, 0.0] else tensor
    if scale is not None and arrays[0].size == 1:  # type: ignore[union-attr]
        tensor, arrays[0] = call.emit(ScaleShift(_decimal(arrays[0])), tensor, part="scale"), None  # type: ignore[arg-type]
    axis = min(_spanned(tensor, one)[0] for one in arrays if one is not None and one.size > 1)
    weights = [None if one is None else _laid(tensor, one, axis) for one in arrays]
    return call.emit(Affine(weights[0], weights[1], axis), tensor)


def _spanned(tensor: Tensor, array: Known) -> list[int]:
    """The axes of the network's value along which an array has several numbers, sorted."""
    if array.ndim > tensor.rank:
        raise NotBrought(f"an array of shape {array.shape} beside {tensor.rank} dimensions")
    first = tensor.rank - array.ndim
    return sorted(tensor.order[first + axis] for axis, size in enumerate(array.shape) if size > 1)


def _laid(tensor: Tensor, array: Known, axis: int) -> Any:
    """The array as it spans the axes of the network's value from one on, as far as it has to."""
    whole = array.reshape((1,) * (tensor.rank - array.ndim) + array.shape)
    whole = whole.transpose(np.argsort(tensor.order))
    spanned = range(axis, _spanned(tensor, array)[-1] + 1)
    if axis == 0:
        raise NotBrought("an array with numbers of its own for each sample")
    shape = [size if size is not None else whole.shape[one] for one in spanned for size in tensor.shape[one : one + 1]]
    spread = (*whole.shape[:axis], *shape, *(1,) * (tensor.rank - spanned.stop))
    try:
        return np.broadcast_to(whole, spread).reshape(shape).astype(np.float32)
    except ValueError:
        raise NotBrought(f"an array of shape {array.shape} beside a value of shape {tensor.sizes}") from None


def _combined(call: Call, kind: Kind, count: int = 2, coefficients: tuple[float, ...] = ()) -> Tensor:
    tensors = [call.tensor(place) for place in range(count)]
    return _joined(call, ElementwiseMerge(kind, coefficients, spread=True), tensors)


def _joined(call: Call, operation: Operation, tensors: list[Tensor]) -> Tensor:
    """Values in the same order of axes, as one."""
    if len({tensor.rank for tensor in tensors}) > 1:
        raise NotBrought("values of different numbers of dimensions")
    order = max((tensor.order for tensor in tensors), key=[tensor.order for tensor in tensors].count)
    return call.emit(operation, *(call.ordered(tensor, order) for tensor in tensors))


ARITHMETIC: dict[str, Handler] = {
    "Abs": each(Activation("absolute")), "Add": add, "AddN": add_all, "AddV2": add, "BiasAdd": bias_add,
    "ClipByValue": clip, "Div": divide, "Elu": each(Activation("elu", 1.0)), "Erf": each(Activation("erf")),
    "Erfc": each(Activation("erf"), ScaleShift(-1.0, 1.0)), "Exp": each(Activation("exponential")),
    "Inv": each(Power(-1.0)), "LRN": local_response, "LeakyRelu": leaky_relu, "Log": each(Activation("logarithm")),
    "Log1p": each(ScaleShift(1.0, 1.0), Activation("logarithm")),
    "LogSoftmax": functools.partial(softmax, logarithm=True), "Maximum": largest, "Minimum": smallest, "Mul": multiply,
    "Neg": each(ScaleShift(-1.0)), "Pow": power, "RealDiv": divide, "Reciprocal": each(Power(-1.0)),
    "Relu": each(Activation("relu")), "Relu6": each(Clip(0.0, 6.0)), "Rsqrt": each(Power(-0.5)),
    "Selu": each(Activation("selu")), "Sigmoid": each(Activation("sigmoid")), "Softmax": softmax,
    "Softplus": each(Activation("softplus")), "Softsign": each(Activation("softsign")), "Sqrt": each(Power(0.5)),
    "Square": each(Power(2.0)), "SquaredDifference": squared_difference, "Sub": subtract, "Tanh": each(
        Activation("tanh")
    ),
}  # fmt: skip
"""By the name of an operation what it is in the network."""
