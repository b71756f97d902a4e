"""Linear."""

from kerasbridge.importers.ir.ops.base import Operation, ShapeError
from kerasbridge.importers.ir.ops.dense import Dense
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Linear", "LinearNoBias", takes=lambda module: (None, module.size("weight", 1)))
def linear(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Linear: weights (out, in), for rows of numbers."""
    weight = module.weight("weight")
    if weight.ndim != 2 or not weight.size:
        raise Unsupported(f"has a weight of shape {weight.shape}")
    if info.rank > 2 or len(info.shape) < 2:
        raise ShapeError("expected rows of numbers")
    return [Dense(weight, module.bias(len(weight)), len(info.shape) - 1)]
