"""Activations that clip values to an interval."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.clip import Clip
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("HardTanh", "Clamp", keeps_channels=True)
def clip(module: Module, info: InputInfo) -> list[Operation]:
    """Convert HardTanh and Clamp."""
    return [Clip(module.number("min_val", -1), module.number("max_val", 1))]


@converts("ReLU6", keeps_channels=True)
def relu6(module: Module, info: InputInfo) -> list[Operation]:
    """Convert ReLU6."""
    return [Clip(0.0, 6.0)]


@converts("ClippedReLU")
def clipped_relu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert the ClippedReLU of cudnn."""
    return [Clip(0.0, module.number("ceiling"))]


@converts("w2nn.InplaceClip01", keeps_channels=True)
def clip_to_unit_interval(module: Module, info: InputInfo) -> list[Operation]:
    """Convert the InplaceClip01 of waifu2x."""
    return [Clip(0.0, 1.0)]
