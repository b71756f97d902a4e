"""Permute."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.transpose import Transpose


@converts("Permute")
def permute(layer: Layer) -> list[Operation]:
    """Convert Permute, from the SSD fork of Caffe."""
    return [Transpose(tuple(layer.options("permute").order))]
