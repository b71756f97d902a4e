"""SoftPlus."""

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("SoftPlus")
def softplus(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SoftPlus: ``log(1 + exp(beta * x)) / beta``."""
    beta = module.number("beta", 1)
    if beta == 0:
        raise Unsupported("has a beta of 0")
    if beta == 1:
        return [Activation("softplus")]
    return [ScaleShift(beta), Activation("softplus"), ScaleShift(1 / beta)]
