"""Dropout."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.dropout import Dropout
from kerasbridge.importers.ir.options import decimal


@converts("Dropout")
def dropout(layer: Layer) -> list[Operation]:
    """Convert Dropout."""
    return [Dropout(decimal(layer.options("dropout").dropout_ratio))]
