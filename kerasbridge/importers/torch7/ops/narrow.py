"""Narrow."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.slice import Slice
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Narrow")
def narrow(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Narrow: `length` positions from `index` on.

    A negative length counts from the end; a negative index crops `length` positions there.
    """
    axis, index, length = info.axis(module.dimension()), module.index("index"), module.index("length", 1)
    if index < 0 < length:
        return [Slice(axis, 0, -length)]
    if index < 1 or length == 0:
        raise Unsupported(f"has an index of {index} with a length of {length}")
    return [Slice(axis, index - 1, index - 1 + length if length > 0 else length + 1 or None)]
