"""ArgMax."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.arg_max import ArgMax
from kerasbridge.importers.ir.ops.base import Operation


@converts("ArgMax")
def argmax(layer: Layer) -> list[Operation]:
    """Convert ArgMax."""
    options = layer.options("argmax")
    axis = options.axis if options.HasField("axis") else None
    return [ArgMax(axis, options.top_k, options.out_max_val)]
