"""Threshold."""

from kerasbridge.importers.caffe.ops.base import converts, number
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.threshold import Threshold


@converts("Threshold")
def threshold(layer: Layer) -> list[Operation]:
    """Convert Threshold."""
    return [Threshold(number(layer.options("threshold").threshold))]
