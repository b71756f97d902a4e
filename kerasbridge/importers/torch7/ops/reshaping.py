"""Torch7's modules that move numbers about and reduce them, as operations; nn's Lua files define them."""

import math

from kerasbridge.importers.ir.ops import (
    AxisReduction,
    ConstantPad,
    Flatten,
    Operation,
    Reshape,
    ShapeError,
    Slice,
    Squeeze,
    Tile,
    Transpose,
    Unsqueeze,
)
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Table
from kerasbridge.importers.torch7.ops.base import InputInfo, Module, dimension, dims


def view(module: Module, given: InputInfo) -> list[Operation]:
    """View: sizes of a sample; a -1 at first may be the batch, where the others make up a sample."""
    sizes, counted = module.list("size"), dims(module, "numInputDims")
    if counted is not None and given.batched and len(given.shape) - 1 > counted:
        raise ShapeError(f"it would join the batch with others than the last {counted} dimensions")
    if given.batched and counted is None and sizes[0] == -1 and len(sizes) > 1 and _is_sample_size(sizes[1:], given):
        sizes = sizes[1:]
    return _reshape(sizes)


def reshape(module: Module, given: InputInfo) -> list[Operation]:
    """Reshape: sizes of a sample, whatever `batchMode` is."""
    return _reshape(module.list("size"))


def _is_sample_size(sizes: list[int], given: InputInfo) -> bool:
    known = given.shape[1:]
    return None in known or math.prod(size for size in known if size is not None) == math.prod(sizes)


def _reshape(sizes: list[int]) -> list[Operation]:
    if any(size < 1 and size != -1 for size in sizes):
        raise Unsupported(f"has sizes {sizes}")
    return [Flatten() if sizes == [-1] else Reshape((0, *sizes))]


def transpose(module: Module, given: InputInfo) -> list[Operation]:
    """Transpose: pairs of dimensions that change places, one after the other."""
    pairs, order = module.get("permutations"), list(range(len(given.shape)))
    counted = dims(module, "numInputDims")
    offset = 0 if counted is None else given.dimensions - counted
    for pair in pairs.list() if isinstance(pairs, Table) else []:
        places = pair.list() if isinstance(pair, Table) else []
        if len(places) != 2 or not all(isinstance(place, float) and place.is_integer() for place in places):
            raise Unsupported("has permutations that are no pairs")
        first, second = (given.axis(int(place) + offset) for place in places)
        order[first], order[second] = order[second], order[first]
    return [Transpose(tuple(order))]


def narrow(module: Module, given: InputInfo) -> list[Operation]:
    """Narrow: `length` places from `index` on; a length below 0 counts from the end, an index below 0 cuts off."""
    axis, index, length = given.axis(dimension(module)), _place(module, "index"), _place(module, "length", 1)
    if index < 0 < length:
        return [Slice(axis, 0, -length)]
    if index < 1 or length == 0:
        raise Unsupported(f"has an index of {index} with a length of {length}")
    return [Slice(axis, index - 1, index - 1 + length if length > 0 else length + 1 or None)]


def select(module: Module, given: InputInfo) -> list[Operation]:
    """Select: one place along a dimension, which vanishes."""
    axis, index = given.axis(dimension(module)), _place(module, "index")
    return select_index(axis, index - 1 if index > 0 else index)


def select_index(axis: int, place: int) -> list[Operation]:
    """One place along an axis, which vanishes; from 0 on, or below 0 from the end."""
    return [Slice(axis, place, place + 1 or None), Squeeze(axis)]


def _place(module: Module, name: str, default: int | None = None) -> int:
    return module.integer(name, default, -(2**31), 2**31)


def squeeze(module: Module, given: InputInfo) -> list[Operation]:
    """Squeeze: without one dimension of size 1, or without all."""
    if module.get("dim") is not None:
        return [Squeeze(given.axis(dimension(module, "dim"), dims(module, "numInputDims")))]
    single = [axis for axis, size in enumerate(given.shape) if axis and size == 1]
    return [Squeeze(axis) for axis in reversed(single)]


def unsqueeze(module: Module, given: InputInfo) -> list[Operation]:
    """Unsqueeze: a new dimension of size 1."""
    counted = dims(module, "numInputDims")
    offset = 0 if counted is None else given.dimensions - counted
    return [Unsqueeze(given.axis(dimension(module, "pos") + offset, new=True))]


def replicate(module: Module, given: InputInfo) -> list[Operation]:
    """Replicate: a new dimension of so many copies."""
    counted = dims(module, "ndim")
    offset = int(counted is not None and given.dimensions > counted)
    axis = given.axis(dimension(module, "dim", 1) + offset, new=True)
    return [Unsqueeze(axis), Tile(axis, module.integer("nfeatures", most=2**20))]


def padding(module: Module, given: InputInfo) -> list[Operation]:
    """Padding: numbers of one value at the beginning or the end of a dimension."""
    counted, pad, index = dims(module, "nInputDim"), _place(module, "pad"), _place(module, "index", 1)
    if index != 1 or abs(pad) > 2**20:
        raise Unsupported(f"has an index of {index} and {abs(pad)} numbers more")
    offset = int(counted is not None and given.dimensions != counted)
    axis = given.axis(dimension(module, "dim") + offset)
    return [ConstantPad(axis, (max(-pad, 0), max(pad, 0)), module.number("value", 0))]


def reduction(module: Module, given: InputInfo) -> list[Operation]:
    """Sum, Mean, Max and Min along a dimension, which vanishes unless it is to stay."""
    axis = given.axis(dimension(module, default=1), dims(module))
    mean = module.kind == "Mean" or bool(module.get("sizeAverage"))
    kind = {"Max": "maximum", "Min": "minimum"}.get(module.kind, "mean" if mean else "sum")
    stays: list[Operation] = [Unsqueeze(axis)] if module.get("squeeze") is False else []
    return [AxisReduction(kind, axis), *stays]  # type: ignore[arg-type]
