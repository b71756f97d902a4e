"""Flatten."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.flatten import Flatten


@converts("Flatten")
def flatten(layer: Layer) -> list[Operation]:
    """Convert Flatten; version 1 has no options."""
    options = layer.options("flatten") if hasattr(layer.message, "flatten_param") else None
    return [Flatten(options.axis, options.end_axis) if options else Flatten()]
