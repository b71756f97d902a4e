"""ReLU and ELU."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.options import decimal


@converts("ReLU")
def relu(layer: Layer) -> list[Operation]:
    """Convert ReLU, leaky if `negative_slope` is not 0."""
    return [Activation("relu", decimal(layer.options("relu").negative_slope))]


@converts("ELU")
def elu(layer: Layer) -> list[Operation]:
    """Convert ELU."""
    return [Activation("elu", decimal(layer.options("elu").alpha))]
