"""PReLU."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.prelu import PRelu
from kerasbridge.importers.torch7.module import MAX_CHANNELS, Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("PReLU")
def prelu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert PReLU: a slope for each channel, or one for all if `nOutputPlane` is 0."""
    channels = module.integer("nOutputPlane", 0, least=0, most=MAX_CHANNELS)
    return [PRelu(module.weight("weight", (channels,) if channels else ()))]
