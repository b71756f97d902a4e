"""Slice."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.split import Split


@converts("Slice")
def slicing(layer: Layer) -> list[Operation]:
    """Convert Slice."""
    options = layer.options("slice")
    axis = options.slice_dim if options.HasField("slice_dim") else options.axis
    return [Split(axis, len(layer.tops), tuple(options.slice_point))]
