"""The operands of arithmetic: values of the network and constants."""

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


def has_constant(context: NodeContext) -> bool:
    """Return whether one of the first two inputs is a constant."""
    return any(isinstance(value, np.ndarray) for value in context.inputs[:2])


def constant_operand(context: NodeContext) -> Constant:
    """Return the one of two inputs that is a constant."""
    return context.constant(0 if isinstance(context.inputs[0], np.ndarray) else 1)


def tensor_operand(context: NodeContext) -> Tensor:
    """Return the one of two inputs that is a value of the network."""
    return context.tensor(1 if isinstance(context.inputs[0], np.ndarray) else 0)


def scalar(array: Constant) -> float:
    """Return the one number of an array."""
    if array.size != 1 or array.dtype == object:
        raise Unsupported(f"has an array of shape {array.shape}, where one number is expected")
    return decimal(array)


def decimal(array: Constant) -> float:
    """Return a 32-bit float as the decimal that was written: 0.1, not 0.10000000149."""
    number = float(array.reshape(-1)[0])
    return float(f"{number:.7g}") if np.float32(f"{number:.7g}") == np.float32(number) else number
