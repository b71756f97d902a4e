"""Concat."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.concatenate import Concatenate


@converts("Concat")
def concat(layer: Layer) -> list[Operation]:
    """Convert Concat."""
    options = layer.options("concat")
    return [Concatenate(options.concat_dim if options.HasField("concat_dim") else options.axis)]
