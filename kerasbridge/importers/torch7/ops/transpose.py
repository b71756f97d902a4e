"""Transpose."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.transpose import Transpose
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Table
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Transpose")
def transpose(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Transpose: pairs of dimensions that are swapped, one after the other."""
    pairs, order = module.get("permutations"), list(range(len(info.shape)))
    rank = module.rank("numInputDims")
    offset = 0 if rank is None else info.rank - rank
    for pair in pairs.list() if isinstance(pairs, Table) else []:
        dimensions = pair.list() if isinstance(pair, Table) else []
        if len(dimensions) != 2 or not all(isinstance(one, float) and one.is_integer() for one in dimensions):
            raise Unsupported("has permutations that are no pairs")
        first, second = (info.axis(int(dimension) + offset) for dimension in dimensions)
        order[first], order[second] = order[second], order[first]
    return [Transpose(tuple(order))]
