"""Clip."""

from kerasbridge.importers.caffe.ops.base import converts, number
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.clip import Clip


@converts("Clip")
def clip(layer: Layer) -> list[Operation]:
    """Convert Clip."""
    options = layer.options("clip")
    return [Clip(number(options.min), number(options.max))]
