"""The gModule of nngraph: a graph of modules, executed like its `runForwardFunction` (`gmodule.lua`)."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7 import nngraph
from kerasbridge.importers.torch7.containers.base import converts
from kerasbridge.importers.torch7.infer_inputs import (
    InputShape,
    Visited,
    combine,
    combine_all,
    infer_input,
    infer_once,
    is_complete,
    keeps_channels,
)
from kerasbridge.importers.torch7.lua_objects import Object, Table
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


def _takes(module: Module, visited: Visited) -> InputShape:
    nodes = nngraph.forward_nodes(module)
    by_data = {data: node for node, data in nodes}
    first = nodes[0][0]
    if module.get("nInputs", 1.0) != 1:
        children = nngraph.input_consumers(first, by_data)
        return [_infer_node(by_data.get(child), by_data, visited) for child in children]
    return _infer_node(first, by_data, visited)


def _infer_node(node: Object | None, by_data: dict[Table, Object], visited: Visited) -> InputShape:
    """Infer the input of a node from its module and, if that keeps the channels, from the nodes after it."""

    def infer() -> InputShape:
        assert node is not None
        inner = node.fields.get("data").get("module")
        module = Module(inner) if isinstance(inner, Object) else None
        shape = infer_input(module, visited) if module else None
        if is_complete(shape) or (module and not keeps_channels(module)):
            return shape
        children = nngraph.consumers(node)
        return combine(shape, combine_all(_infer_node(by_data.get(child), by_data, visited) for child in children))

    return node and infer_once(node, visited, infer)


@converts("gModule", takes=_takes)
def graph_module(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert a graph: each node stores its result with the nodes that take it; the result of the last is returned."""
    nodes, stored = nngraph.forward_nodes(module), {}
    several = module.get("nInputs", 1.0) != 1 and not isinstance(value, str)
    stored[nodes[0][1]] = dict(enumerate(value, 1)) if several else {1: value}
    result: Value = value
    for place, (node, data) in enumerate(nodes, 1):
        inputs = [one for _, one in sorted(stored.get(data, {}).items())]
        if not inputs:
            raise Unsupported(f"has a node, {place}, that is given nothing")
        result = _convert_node(converter, module, data, place, inputs)
        for child in nngraph.consumers(node):
            stored.setdefault(child, {})[nngraph.input_index(child, data)] = result
    return result


def _convert_node(converter: ModuleConverter, module: Module, data: Table, place: int, inputs: list[Value]) -> Value:
    index, inner = data.get("selectindex"), data.get("module")
    if index is not None:
        values = inputs[0]
        if not isinstance(index, float) or isinstance(values, str) or not 1 <= index <= len(values):
            if converter.unsupported:
                return values
            raise Unsupported(f"has a node, {place}, that takes the {index} of what is no such table")
        return values[int(index) - 1]
    value = inputs[0] if len(inputs) == 1 else inputs
    if isinstance(inner, Object):
        return converter.convert(Module(inner, f"{module.place}[{place}]"), value)
    return value
