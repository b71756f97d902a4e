"""Softmax, alone and in a loss."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.softmax import Softmax


@converts("Softmax", "SoftmaxWithLoss")
def softmax(layer: Layer) -> list[Operation]:
    """Convert Softmax."""
    return [Softmax(layer.options("softmax").axis)]
