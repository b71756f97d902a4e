"""Select."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.slice import Slice
from kerasbridge.importers.ir.ops.squeeze import Squeeze
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Select")
def select(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Select: one position along a dimension, which is removed."""
    axis, index = info.axis(module.dimension()), module.index("index")
    return select_index(axis, index - 1 if index > 0 else index)


def select_index(axis: int, index: int) -> list[Operation]:
    """Return the operations that select an index along an axis, from 0 on or negative, and remove the axis."""
    return [Slice(axis, index, index + 1 or None), Squeeze(axis)]
