"""ReLU, Threshold, leaky ReLUs and ELU."""

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.replace_value import ReplaceValue
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("ReLU", keeps_channels=True)
def relu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert ReLU."""
    return [ReplaceValue(0.0, 0.0)]


@converts("Threshold", keeps_channels=True)
def threshold(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Threshold: values above `threshold` are kept, all others become `val`."""
    return [ReplaceValue(module.number("threshold", 1e-6), module.number("val", 0))]


@converts("LeakyReLU", keeps_channels=True)
def leaky_relu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert LeakyReLU."""
    return [Activation("relu", module.number("negval", 0.01))]


@converts("w2nn.LeakyReLU", keeps_channels=True)
def waifu2x_leaky_relu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert the LeakyReLU of waifu2x."""
    return [Activation("relu", module.number("negative_scale", 0.333))]


@converts("RReLU")
def random_relu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert RReLU, whose slope is the mean of its bounds, except while training."""
    return [Activation("relu", (module.number("lower", 1 / 8) + module.number("upper", 1 / 3)) / 2)]


@converts("ELU", keeps_channels=True)
def elu(module: Module, info: InputInfo) -> list[Operation]:
    """Convert ELU."""
    return [Activation("elu", module.number("alpha", 1))]
