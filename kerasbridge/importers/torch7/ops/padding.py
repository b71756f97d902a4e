"""Padding with zeros or another number, reflection, replication, and cropping."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.constant_pad import ConstantPad
from kerasbridge.importers.ir.ops.padding import Padding
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_images


@converts("Padding")
def padding(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Padding: a constant at the beginning or the end of a dimension."""
    rank, pad, index = module.rank("nInputDim"), module.index("pad"), module.index("index", 1)
    if index != 1 or abs(pad) > 2**20:
        raise Unsupported(f"has an index of {index} and {abs(pad)} numbers more")
    offset = int(rank is not None and info.rank != rank)
    axis = info.axis(module.dimension("dim") + offset)
    return [ConstantPad(axis, (max(-pad, 0), max(pad, 0)), module.number("value", 0))]


@converts("SpatialZeroPadding", takes=takes_images, keeps_channels=True)
def zero_padding(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialZeroPadding; negative padding crops."""
    return [Padding(module.sides())]


@converts("SpatialReflectionPadding", "SpatialReplicationPadding", takes=takes_images, keeps_channels=True)
def edge_padding(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialReflectionPadding and SpatialReplicationPadding."""
    sides = module.sides()
    if min(sides) < 0:
        raise Unsupported(f"has a padding of {min(sides)}")
    return [Padding(sides, "reflection" if "Reflection" in module.type else "edge")]


@converts("ShaveImage", takes=takes_images, keeps_channels=True)
def shave(module: Module, info: InputInfo) -> list[Operation]:
    """Convert ShaveImage of fast-neural-style, which crops all sides alike."""
    size = -module.integer("size", least=0)
    return [Padding((size, size, size, size))]
