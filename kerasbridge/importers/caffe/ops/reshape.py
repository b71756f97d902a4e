"""Reshape."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.reshape import Reshape


@converts("Reshape")
def reshape(layer: Layer) -> list[Operation]:
    """Convert Reshape."""
    options = layer.options("reshape")
    return [Reshape(tuple(options.shape.dim), options.axis, options.num_axes)]
