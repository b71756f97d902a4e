"""Activation functions without options."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation


@converts("AbsVal")
def absolute(layer: Layer) -> list[Operation]:
    """Convert AbsVal."""
    return [Activation("absolute")]


@converts("BNLL")
def softplus(layer: Layer) -> list[Operation]:
    """Convert BNLL: ``log(1 + exp(x))``."""
    return [Activation("softplus")]


@converts("Sigmoid", "SigmoidCrossEntropyLoss")
def sigmoid(layer: Layer) -> list[Operation]:
    """Convert Sigmoid, alone and in a loss."""
    return [Activation("sigmoid")]


@converts("TanH")
def tanh(layer: Layer) -> list[Operation]:
    """Convert TanH."""
    return [Activation("tanh")]
