"""Functions of one number without options: activations, powers and rounding."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.clip import Clip
from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor

_OPERATIONS: dict[str, list[Operation]] = {
    "Abs": [Activation("absolute")],
    "Elu": [Activation("elu", 1.0)],
    "Erf": [Activation("erf")],
    "Erfc": [Activation("erf"), ScaleShift(-1.0, 1.0)],
    "Exp": [Activation("exponential")],
    "Inv": [Power(-1.0)],
    "Log": [Activation("logarithm")],
    "Log1p": [ScaleShift(1.0, 1.0), Activation("logarithm")],
    "Neg": [ScaleShift(-1.0)],
    "Reciprocal": [Power(-1.0)],
    "Relu": [Activation("relu")],
    "Relu6": [Clip(0.0, 6.0)],
    "Rsqrt": [Power(-0.5)],
    "Selu": [Activation("selu")],
    "Sigmoid": [Activation("sigmoid")],
    "Softplus": [Activation("softplus")],
    "Softsign": [Activation("softsign")],
    "Sqrt": [Power(0.5)],
    "Square": [Power(2.0)],
    "Tanh": [Activation("tanh")],
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Abs": np.abs,
    "Ceil": np.ceil,
    "Exp": np.exp,
    "Floor": np.floor,
    "Inv": lambda x: 1 / x,
    "Log": np.log,
    "Neg": lambda x: -x,
    "OnesLike": np.ones_like,
    "Reciprocal": lambda x: 1 / x,
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.round,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Sqrt": np.sqrt,
    "Square": lambda x: x * x,
    "Tanh": np.tanh,
    "ZerosLike": np.zeros_like,
}


@converts(*_OPERATIONS, rowwise=True)
def elementwise(context: NodeContext) -> Tensor:
    """Convert a function to operations, applied one after the other."""
    tensor, operations = context.tensor(), _OPERATIONS[context.op]
    for step, operation in enumerate(operations, 1):
        tensor = context.emit(operation, tensor, part="" if step == len(operations) else f"step_{step}")
    return tensor


@folds(*_FUNCTIONS)
def fold_function(context: NodeContext) -> Constant:
    """Fold a function."""
    return fold_elementwise(context, _FUNCTIONS[context.op])


@converts("LeakyRelu", rowwise=True)
def leaky_relu(context: NodeContext) -> Tensor:
    """Convert LeakyRelu."""
    return context.emit(Activation("relu", context.number("alpha", 0.2)), context.tensor())
