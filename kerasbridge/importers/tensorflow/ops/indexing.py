"""The places that a StridedSlice takes, as Python writes them."""

from typing import Any

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import SymbolicDim


def slice_index(call: NodeContext, rank: int) -> tuple[Any, ...]:
    """An index for each axis: a slice, a number, None for a new axis, an ellipsis."""
    starts, stops, steps = call.constant_dims(1), call.constant_dims(2), call.constant_ints(3)
    if not len(starts) == len(stops) == len(steps) <= 2 * rank + 2:
        raise Unsupported("has as many first places as last ones and steps")
    found: list[Any] = []
    for place, three in enumerate(zip(starts, stops, steps, strict=True)):
        found.append(_axis_index(call, 1 << place, *three))
    return tuple(found)


def _axis_index(call: NodeContext, bit: int, start: Any, stop: Any, step: int) -> Any:
    if call.integer("ellipsis_mask", 0) & bit:
        return Ellipsis
    if call.integer("new_axis_mask", 0) & bit:
        return None
    if call.integer("shrink_axis_mask", 0) & bit:
        return _as_int(start)
    first = None if call.integer("begin_mask", 0) & bit else _as_int(start)
    last = None if call.integer("end_mask", 0) & bit else _as_int(stop)
    if step == 0:
        raise Unsupported("has a step of 0")
    return slice(first, last, step)


def _as_int(place: Any) -> int:
    if isinstance(place, SymbolicDim):
        raise Unsupported("has places that depend on the size of images")
    return int(place)


def expand_index(found: tuple[Any, ...], rank: int) -> list[Any]:
    """The index with a slice for each axis that it leaves out."""
    taken = sum(1 for one in found if one is not None and one is not Ellipsis)
    if taken > rank:
        raise Unsupported(f"has places in {taken} axes, where there are {rank}")
    rest = [slice(None)] * (rank - taken)
    at = next((place for place, one in enumerate(found) if one is Ellipsis), len(found))
    return [*found[:at], *rest, *found[at + 1 :]]
