"""Power, Square and Sqrt."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Power", keeps_channels=True)
def power(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Power."""
    return [Power(module.number("pow"))]


@converts("Square", keeps_channels=True)
def square(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Square."""
    return [Power(2.0)]


@converts("Sqrt", keeps_channels=True)
def sqrt(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Sqrt, which may add a number first."""
    added = module.number("eps", 0)
    return [ScaleShift(1.0, added), Power(0.5)] if added else [Power(0.5)]
