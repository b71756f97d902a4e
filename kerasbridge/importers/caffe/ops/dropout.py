"""Dropout."""

from kerasbridge.importers.caffe.ops.base import converts, number
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.dropout import Dropout


@converts("Dropout")
def dropout(layer: Layer) -> list[Operation]:
    """Convert Dropout."""
    return [Dropout(number(layer.options("dropout").dropout_ratio))]
