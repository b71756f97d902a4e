"""The gModule of nngraph: a graph of modules, gone through as its `runForwardFunction` does (`gmodule.lua`)."""

from collections.abc import Iterator, Mapping

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Object, Table
from kerasbridge.importers.torch7.ops import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


def forward_nodes(module: Module) -> list[tuple[Object, Table]]:
    """The nodes in the order in which they run, each with its data, which copies of it share."""
    nodes = module.get("forwardnodes")
    found = nodes.list() if isinstance(nodes, Table) else []
    pairs = [(node, node.fields.get("data")) for node in found if isinstance(node, Object)]
    if not pairs or any(not isinstance(data, Table) for _, data in pairs):
        raise Unsupported("has no forwardnodes with data")
    return pairs


def consumers(node: Object) -> Iterator[Table]:
    """The data of the nodes that take what a node gives."""
    children = node.fields.get("children")
    for child in children.list() if isinstance(children, Table) else []:
        data = child.fields.get("data") if isinstance(child, Object) else None
        if isinstance(data, Table):
            yield data


def input_consumers(first: Object, by_data: Mapping[Table, Object]) -> list[Table]:
    """The data of the nodes that take one of several inputs each; `split` puts a node between them and the first."""
    children = list(consumers(first))
    splitting = [by_data[data] for data in children if data.get("nSplitOutputs") is not None and data in by_data]
    taking = consumers(splitting[0]) if splitting else children
    return sorted(taking, key=_select_index)


def _select_index(data: Table) -> float:
    selected = data.get("selectindex")
    return selected if isinstance(selected, float) else 0.0


def input_index(child: Table, data: Table) -> int:
    """Return which input of a node another node is, counted from 1."""
    places = child.get("mapindex")
    place = places.get(data) if isinstance(places, Table) else None
    if not isinstance(place, float) or not 1 <= place <= 1024:
        raise Unsupported("has a node without the order of its inputs")
    return int(place)


def graph_module(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Each node takes what those before it have left for it; the last gives what it was left."""
    nodes, left = forward_nodes(module), {}
    several = module.get("nInputs", 1.0) != 1 and not isinstance(value, str)
    left[nodes[0][1]] = dict(enumerate(value, 1)) if several else {1: value}
    found: Value = value
    for place, (node, data) in enumerate(nodes, 1):
        inputs = [one for _, one in sorted(left.get(data, {}).items())]
        if not inputs:
            raise Unsupported(f"has a node, {place}, that is given nothing")
        found = _run(graph, module, data, place, inputs)
        for child in consumers(node):
            left.setdefault(child, {})[input_index(child, data)] = found
    return found


def _run(graph: ModuleConverter, module: Module, data: Table, place: int, inputs: list[Value]) -> Value:
    selected, inner = data.get("selectindex"), data.get("module")
    if selected is not None:
        among = inputs[0]
        if not isinstance(selected, float) or isinstance(among, str) or not 1 <= selected <= len(among):
            if graph.unsupported:
                return among
            raise Unsupported(f"has a node, {place}, that takes the {selected} of what is no such table")
        return among[int(selected) - 1]
    given = inputs[0] if len(inputs) == 1 else inputs
    if isinstance(inner, Object):
        return graph.convert(Module(inner, f"{module.place}[{place}]"), given)
    return given
