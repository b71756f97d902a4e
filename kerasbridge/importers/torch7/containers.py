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
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.nngraph import graph_module
from kerasbridge.importers.torch7.ops import Module
from kerasbridge.importers.torch7.ops.base import dimension, dims
from kerasbridge.importers.torch7.ops.reshaping import select_index
from kerasbridge.importers.torch7.to_graph import Container, ModuleConverter, Value, flatten_value

MAX_PIECES = 1024


def sequential(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Sequential: one after the other."""
    for part in module.parts():
        value = graph.convert(part, value)
    return value


def decorator(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Decorators, and DataParallelTable, whose modules after the first are copies for other devices."""
    parts = module.parts()
    if not parts:
        raise Unsupported("has no module in it")
    return graph.convert(Module(parts[0].object, f"{module.place}[1]"), value)


def bottle(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Bottle, where what it is given has as many dimensions as its module takes."""
    if graph.input_info(value).dimensions != module.integer("nInputDim", 2):
        raise Unsupported("has more dimensions before those of its module")
    return decorator(graph, module, value)


def concat_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """ConcatTable: a table of what each makes of the same."""
    return [graph.convert(part, value) for part in module.parts()]


def parallel_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """ParallelTable: each takes one of a table."""
    parts, values = module.parts(), _table(graph, value)
    if len(values) < len(parts):
        return _mismatch(graph, value, f"{len(parts)} modules take a table of as many, received {len(values)}")
    return [graph.convert(part, one) for part, one in zip(parts, values, strict=False)]


def map_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """MapTable: one module for all of a table."""
    return [decorator(graph, module, one) for one in _table(graph, value)]


def concat(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Concat: what each makes of the same, one after the other along a dimension."""
    values = _tensors(graph, concat_table(graph, module, value))
    graph.note(module)
    return graph.add(module, [Concatenate(graph.input_info(values[0]).axis(dimension(module)))], values)


def depth_concat(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """DepthConcat: the same along the channels, smaller images with zeros around them."""
    values = _tensors(graph, concat_table(graph, module, value))
    if graph.input_info(values[0]).axis(dimension(module)) != 1:
        raise Unsupported("has a dimension that is not that of the channels")
    graph.note(module)
    return graph.add(module, [DepthConcat()], values)


def join_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """JoinTable: a table's tensors one after the other along a dimension."""
    values = _tensors(graph, value)
    axis = graph.input_info(values[0]).axis(dimension(module), dims(module))
    graph.note(module)
    return graph.add(module, [Concatenate(axis)], values)


def elementwise_table(operation: Operation) -> Container:
    """CAddTable and its like."""

    def bring(graph: ModuleConverter, module: Module, value: Value) -> Value:
        values = _tensors(graph, value)
        graph.note(module)
        return graph.add(module, [operation], values)

    return bring


def cdiv_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """CDivTable: the first through the second."""
    first, second = _two_tensors(graph, value)
    graph.note(module)
    inverse = graph.add(module, [Power(-1.0)], [second], "inverse")
    return graph.add(module, [ElementwiseMerge("product")], [first, inverse])


def scale_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """The ScaleTable of waifu2x: images, and a factor for each of their channels."""
    images, factors = _two_tensors(graph, value)
    graph.note(module)
    rows = graph.add(module, [Flatten()], [factors], "factors")
    return graph.add(module, [Broadcast("product", 0)], [images, rows])


def select_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """SelectTable: one of a table."""
    return _table_item(graph, module, value, module.integer("index", least=-MAX_PIECES, most=MAX_PIECES))


def auxiliary_loss_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """The AuxiliaryLossTable of waifu2x: one of a table, unless it trains."""
    return _table_item(graph, module, value, module.integer("i", 1, most=MAX_PIECES))


def narrow_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """NarrowTable: some of a table."""
    values, offset = _table(graph, value), module.integer("offset", most=MAX_PIECES)
    length = module.integer("length", 1, most=MAX_PIECES)
    if offset - 1 + length > len(values):
        return _mismatch(graph, value, f"there are {len(values)} in the table")
    return values[offset - 1 : offset - 1 + length]


def flatten_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """FlattenTable: tables in tables as one."""
    return flatten_value(_table(graph, value))


def split_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """SplitTable: a table of the places along a dimension."""
    given = graph.input_info(value)
    axis = given.axis(dimension(module), dims(module))
    size = given.shape[axis]
    if size is None or size > MAX_PIECES:
        raise Unsupported("has a dimension of unknown size to split, or of a large one")
    graph.note(module)
    return [graph.add(module, select_index(axis, place), [value], str(place + 1)) for place in range(size)]


def unwrap_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """JustElement of nngraph: the only one of a table."""
    return _table_item(graph, module, value, 1)


def wrap_table(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """JustTable of nngraph: a table of one."""
    return [value]


def _table_item(graph: ModuleConverter, module: Module, value: Value, index: int) -> Value:
    values = _table(graph, value)
    place = index - 1 if index > 0 else len(values) + index
    if not 0 <= place < len(values) or index == 0:
        return _mismatch(graph, value, f"there is no {index} among {len(values)}")
    return values[place]


def _table(graph: ModuleConverter, value: Value) -> Sequence[Value]:
    if isinstance(value, str):
        return [_mismatch(graph, value, "expected a table, received a tensor")]
    found: Sequence[Value] = value
    return found


def _tensors(graph: ModuleConverter, value: Value) -> list[str]:
    """The tensors of a table that has no tables in it."""
    values = _table(graph, value)
    if not values or not all(isinstance(one, str) for one in values):
        raise ShapeError("expected a table of tensors")
    return list(values)


def _two_tensors(graph: ModuleConverter, value: Value) -> tuple[str, str]:
    values = _tensors(graph, value)
    if len(values) != 2:
        raise ShapeError(f"expected two tensors, received {len(values)}")
    return values[0], values[1]


def _mismatch(graph: ModuleConverter, value: Value, otherwise: str) -> Value:
    """Return the value if an earlier module is not supported, else raise ShapeError."""
    if not graph.unsupported:
        raise ShapeError(otherwise)
    return value


CONTAINERS: dict[str, Container] = {
    "Bottle": bottle,
    "CAddTable": elementwise_table(ElementwiseMerge("sum")),
    "CDivTable": cdiv_table,
    "CMaxTable": elementwise_table(ElementwiseMerge("maximum")),
    "CMinTable": elementwise_table(ElementwiseMerge("minimum")),
    "CMulTable": elementwise_table(ElementwiseMerge("product")),
    "CSubTable": elementwise_table(ElementwiseMerge("sum", (1.0, -1.0))),
    "Concat": concat,
    "ConcatTable": concat_table,
    "DataParallel": decorator,
    "DataParallelTable": decorator,
    "Decorator": decorator,
    "DepthConcat": depth_concat,
    "DontCast": decorator,
    "FlattenTable": flatten_table,
    "GPU": decorator,
    "Inception": decorator,
    "JoinTable": join_table,
    "MapTable": map_table,
    "NarrowTable": narrow_table,
    "NoBackprop": decorator,
    "ParallelTable": parallel_table,
    "Profile": decorator,
    "SelectTable": select_table,
    "Sequential": sequential,
    "SpatialLPPooling": sequential,
    "SplitTable": split_table,
    "gModule": graph_module,
    "nngraph.JustElement": unwrap_table,
    "nngraph.JustTable": wrap_table,
    "w2nn.AuxiliaryLossTable": auxiliary_loss_table,
    "w2nn.ScaleTable": scale_table,
}
"""Converters by type. An LPPooling is a Sequential of a power, a pooling and a root."""
