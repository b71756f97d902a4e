"""Replicate."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.squeeze import Unsqueeze
from kerasbridge.importers.ir.ops.tile import Tile
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Replicate")
def replicate(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Replicate: copies along a new dimension."""
    rank = module.rank("ndim")
    offset = int(rank is not None and info.rank > rank)
    axis = info.axis(module.dimension("dim", 1) + offset, new=True)
    return [Unsqueeze(axis), Tile(axis, module.integer("nfeatures", most=2**20))]
