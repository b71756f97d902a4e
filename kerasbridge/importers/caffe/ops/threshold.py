"""Threshold."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.threshold import Threshold
from kerasbridge.importers.ir.options import decimal


@converts("Threshold")
def threshold(layer: Layer) -> list[Operation]:
    """Convert Threshold."""
    return [Threshold(decimal(layer.options("threshold").threshold))]
