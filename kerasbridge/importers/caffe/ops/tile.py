"""Tile."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.tile import Tile


@converts("Tile")
def tile(layer: Layer) -> list[Operation]:
    """Convert Tile."""
    options = layer.options("tile")
    return [Tile(options.axis, options.tiles)]
