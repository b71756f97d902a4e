"""Squeeze and Unsqueeze."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.squeeze import Squeeze, Unsqueeze
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Squeeze")
def squeeze(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Squeeze: remove one dimension of size 1, or all."""
    if module.get("dim") is not None:
        return [Squeeze(info.axis(module.dimension("dim"), module.rank("numInputDims")))]
    single = [axis for axis, size in enumerate(info.shape) if axis and size == 1]
    return [Squeeze(axis) for axis in reversed(single)]


@converts("Unsqueeze")
def unsqueeze(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Unsqueeze: a new dimension of size 1."""
    rank = module.rank("numInputDims")
    offset = 0 if rank is None else info.rank - rank
    return [Unsqueeze(info.axis(module.dimension("pos") + offset, new=True))]
