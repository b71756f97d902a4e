"""Torch7's modules that are made of others, and those that take or give tables; what they do is in nn's Lua files."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops import (
    Broadcast,
    Concatenate,
    DepthConcat,
    ElementwiseMerge,
    Flatten,
    Operation,
    Power,
    ShapeError,
)
from kerasbridge.importers.torch7.nngraph import graph_module
from kerasbridge.importers.torch7.ops import Module, NotBrought
from kerasbridge.importers.torch7.ops.base import dimension, dims
from kerasbridge.importers.torch7.ops.reshaping import chosen
from kerasbridge.importers.torch7.to_graph import Container, ModuleConverter, Value, flat

MOST_PIECES = 1024


def sequential(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Sequential: one after the other."""
    for part in module.parts():
        value = graph.bring(part, value)
    return value


def wrapped(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Decorators, and DataParallelTable, whose modules after the first are copies for other devices."""
    parts = module.parts()
    if not parts:
        raise NotBrought("no module in it")
    return graph.bring(Module(parts[0].object, f"{module.place}[1]"), value)


def bottle(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Bottle, where what it is given has as many dimensions as its module takes."""
    if graph.given(value).dimensions != module.whole("nInputDim", 2):
        raise NotBrought("more dimensions before those of its module")
    return wrapped(graph, module, value)


def each_of_one(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """ConcatTable: a table of what each makes of the same."""
    return [graph.bring(part, value) for part in module.parts()]


def each_of_its_own(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """ParallelTable: each takes one of a table."""
    parts, values = module.parts(), _table(graph, value)
    if len(values) < len(parts):
        return _lacking(graph, value, f"{len(parts)} modules take a table of as many, received {len(values)}")
    return [graph.bring(part, one) for part, one in zip(parts, values, strict=False)]


def mapped(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """MapTable: one module for all of a table."""
    return [wrapped(graph, module, one) for one in _table(graph, value)]


def concat(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Concat: what each makes of the same, one after the other along a dimension."""
    values = _tensors(graph, each_of_one(graph, module, value))
    graph.note(module)
    return graph.add(module, [Concatenate(graph.given(values[0]).axis(dimension(module)))], values)


def depth_concat(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """DepthConcat: the same along the channels, smaller images with zeros around them."""
    values = _tensors(graph, each_of_one(graph, module, value))
    if graph.given(values[0]).axis(dimension(module)) != 1:
        raise NotBrought("a dimension that is not that of the channels")
    graph.note(module)
    return graph.add(module, [DepthConcat()], values)


def join(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """JoinTable: a table's tensors one after the other along a dimension."""
    values = _tensors(graph, value)
    axis = graph.given(values[0]).axis(dimension(module), dims(module))
    graph.note(module)
    return graph.add(module, [Concatenate(axis)], values)


def combined(operation: Operation) -> Container:
    """CAddTable and its like."""

    def bring(graph: ModuleConverter, module: Module, value: Value) -> Value:
        values = _tensors(graph, value)
        graph.note(module)
        return graph.add(module, [operation], values)

    return bring


def quotient(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """CDivTable: the first through the second."""
    first, second = _two(graph, value)
    graph.note(module)
    inverse = graph.add(module, [Power(-1.0)], [second], "inverse")
    return graph.add(module, [ElementwiseMerge("product")], [first, inverse])


def scaled(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """The ScaleTable of waifu2x: images, and a factor for each of their channels."""
    images, factors = _two(graph, value)
    graph.note(module)
    rows = graph.add(module, [Flatten()], [factors], "factors")
    return graph.add(module, [Broadcast("product", 0)], [images, rows])


def select(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """SelectTable: one of a table."""
    return _at(graph, module, value, module.whole("index", least=-MOST_PIECES, most=MOST_PIECES))


def auxiliary(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """The AuxiliaryLossTable of waifu2x: one of a table, unless it trains."""
    return _at(graph, module, value, module.whole("i", 1, most=MOST_PIECES))


def narrow(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """NarrowTable: some of a table."""
    values, offset = _table(graph, value), module.whole("offset", most=MOST_PIECES)
    length = module.whole("length", 1, most=MOST_PIECES)
    if offset - 1 + length > len(values):
        return _lacking(graph, value, f"there are {len(values)} in the table")
    return values[offset - 1 : offset - 1 + length]


def flatten(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """FlattenTable: tables in tables as one."""
    return flat(_table(graph, value))


def split(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """SplitTable: a table of the places along a dimension."""
    given = graph.given(value)
    axis = given.axis(dimension(module), dims(module))
    size = given.shape[axis]
    if size is None or size > MOST_PIECES:
        raise NotBrought("a dimension of unknown size to split, or of a large one")
    graph.note(module)
    return [graph.add(module, chosen(axis, place), [value], str(place + 1)) for place in range(size)]


def one_element(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """JustElement of nngraph: the only one of a table."""
    return _at(graph, module, value, 1)


def in_a_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """JustTable of nngraph: a table of one."""
    return [value]


def _at(graph: ModuleConverter, module: Module, value: Value, index: int) -> Value:
    values = _table(graph, value)
    place = index - 1 if index > 0 else len(values) + index
    if not 0 <= place < len(values) or index == 0:
        return _lacking(graph, value, f"there is no {index} among {len(values)}")
    return values[place]


def _table(graph: ModuleConverter, value: Value) -> Sequence[Value]:
    if isinstance(value, str):
        return [_lacking(graph, value, "expected a table, received a tensor")]
    found: Sequence[Value] = value
    return found


def _tensors(graph: ModuleConverter, value: Value) -> list[str]:
    """The tensors of a table that has no tables in it."""
    values = _table(graph, value)
    if not values or not all(isinstance(one, str) for one in values):
        raise ShapeError("expected a table of tensors")
    return list(values)


def _two(graph: ModuleConverter, value: Value) -> tuple[str, str]:
    values = _tensors(graph, value)
    if len(values) != 2:
        raise ShapeError(f"expected two tensors, received {len(values)}")
    return values[0], values[1]


def _lacking(graph: ModuleConverter, value: Value, otherwise: str) -> Value:
    """The value as it is, if something before it could not be brought; else these words."""
    if not graph.faults:
        raise ShapeError(otherwise)
    return value


CONTAINERS: dict[str, Container] = {
    "Bottle": bottle,
    "CAddTable": combined(ElementwiseMerge("sum")),
    "CDivTable": quotient,
    "CMaxTable": combined(ElementwiseMerge("maximum")),
    "CMinTable": combined(ElementwiseMerge("minimum")),
    "CMulTable": combined(ElementwiseMerge("product")),
    "CSubTable": combined(ElementwiseMerge("sum", (1.0, -1.0))),
    "Concat": concat,
    "ConcatTable": each_of_one,
    "DataParallel": wrapped,
    "DataParallelTable": wrapped,
    "Decorator": wrapped,
    "DepthConcat": depth_concat,
    "DontCast": wrapped,
    "FlattenTable": flatten,
    "GPU": wrapped,
    "Inception": wrapped,
    "JoinTable": join,
    "MapTable": mapped,
    "NarrowTable": narrow,
    "NoBackprop": wrapped,
    "ParallelTable": each_of_its_own,
    "Profile": wrapped,
    "SelectTable": select,
    "Sequential": sequential,
    "SpatialLPPooling": sequential,
    "SplitTable": split,
    "gModule": graph_module,
    "nngraph.JustElement": one_element,
    "nngraph.JustTable": in_a_table,
    "w2nn.AuxiliaryLossTable": auxiliary,
    "w2nn.ScaleTable": scaled,
}
"""How each is brought. An LPPooling is a Sequential of a power, a pooling and a root."""
