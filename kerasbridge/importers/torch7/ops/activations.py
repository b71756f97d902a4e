"""Activation functions without options."""

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Abs", keeps_channels=True)
def absolute(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Abs."""
    return [Activation("absolute")]


@converts("Exp", keeps_channels=True)
def exponential(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Exp."""
    return [Activation("exponential")]


@converts("Log", keeps_channels=True)
def logarithm(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Log."""
    return [Activation("logarithm")]


@converts("LogSigmoid")
def log_sigmoid(module: Module, info: InputInfo) -> list[Operation]:
    """Convert LogSigmoid."""
    return [Activation("log_sigmoid")]


@converts("Sigmoid", keeps_channels=True)
def sigmoid(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Sigmoid."""
    return [Activation("sigmoid")]


@converts("SoftSign")
def softsign(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SoftSign."""
    return [Activation("softsign")]


@converts("Tanh", keeps_channels=True)
def tanh(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Tanh."""
    return [Activation("tanh")]


@converts("TanhShrink")
def tanh_shrink(module: Module, info: InputInfo) -> list[Operation]:
    """Convert TanhShrink: ``x - tanh(x)``."""
    return [Activation("tanh_shrink")]
