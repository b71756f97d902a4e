"""The nodes of a graph of nngraph (`gmodule.lua`)."""

from collections.abc import Iterator, Mapping

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Object, Table
from kerasbridge.importers.torch7.module import Module


def forward_nodes(module: Module) -> list[tuple[Object, Table]]:
    """Return the nodes in the order in which they run, each with its data, which copies of the node share."""
    nodes = module.get("forwardnodes")
    objects = nodes.list() if isinstance(nodes, Table) else []
    pairs = [(node, node.fields.get("data")) for node in objects if isinstance(node, Object)]
    if not pairs or any(not isinstance(data, Table) for _, data in pairs):
        raise Unsupported("has no forwardnodes with data")
    return pairs


def consumers(node: Object) -> Iterator[Table]:
    """Yield the data of the nodes that take the output of a node."""
    children = node.fields.get("children")
    for child in children.list() if isinstance(children, Table) else []:
        data = child.fields.get("data") if isinstance(child, Object) else None
        if isinstance(data, Table):
            yield data


def input_consumers(first: Object, by_data: Mapping[Table, Object]) -> list[Table]:
    """Return the data of the nodes that take one of several inputs each, also those after a node of `split`."""
    children = list(consumers(first))
    splitting = [by_data[data] for data in children if data.get("nSplitOutputs") is not None and data in by_data]
    return sorted(consumers(splitting[0]) if splitting else children, key=_select_index)


def _select_index(data: Table) -> float:
    index = data.get("selectindex")
    return index if isinstance(index, float) else 0.0


def input_index(child: Table, data: Table) -> int:
    """Return which input of a node another node is, counted from 1."""
    indices = child.get("mapindex")
    index = indices.get(data) if isinstance(indices, Table) else None
    if not isinstance(index, float) or not 1 <= index <= 1024:
        raise Unsupported("has a node without the order of its inputs")
    return int(index)
