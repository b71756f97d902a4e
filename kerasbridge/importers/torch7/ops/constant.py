"""AddConstant and MulConstant."""

import math

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("AddConstant", keeps_channels=True)
def add_constant(module: Module, info: InputInfo) -> list[Operation]:
    """Convert AddConstant."""
    return [ScaleShift(1.0, _constant(module))]


@converts("MulConstant", keeps_channels=True)
def mul_constant(module: Module, info: InputInfo) -> list[Operation]:
    """Convert MulConstant."""
    return [ScaleShift(_constant(module))]


def _constant(module: Module) -> float:
    value = module.number("constant_scalar")
    if not math.isfinite(value):
        raise Unsupported(f"has a constant of {value:g}")
    return value
