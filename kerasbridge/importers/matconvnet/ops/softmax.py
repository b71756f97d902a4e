"""Softmax, alone and in a loss."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.softmax import Softmax
from kerasbridge.importers.matconvnet.ops.base import Steps, converts
from kerasbridge.importers.matconvnet.parser import Layer


@converts("softmax", "softmaxloss", "dagnn.SoftMax", "dagnn.SoftMaxLoss")
def softmax(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert softmax, along the channels."""
    return [Softmax()]
