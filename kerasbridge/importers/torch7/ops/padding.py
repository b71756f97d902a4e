"""Padding."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.constant_pad import ConstantPad
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Padding")
def padding(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Padding: a constant at the beginning or the end of a dimension."""
    rank, pad, index = module.rank("nInputDim"), module.index("pad"), module.index("index", 1)
    if index != 1 or abs(pad) > 2**20:
        raise Unsupported(f"has an index of {index} and {abs(pad)} numbers more")
    offset = int(rank is not None and info.rank != rank)
    axis = info.axis(module.dimension("dim") + offset)
    return [ConstantPad(axis, (max(-pad, 0), max(pad, 0)), module.number("value", 0))]
