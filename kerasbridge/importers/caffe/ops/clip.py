"""Clip."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.clip import Clip
from kerasbridge.importers.ir.options import decimal


@converts("Clip")
def clip(layer: Layer) -> list[Operation]:
    """Convert Clip."""
    options = layer.options("clip")
    return [Clip(decimal(options.min), decimal(options.max))]
