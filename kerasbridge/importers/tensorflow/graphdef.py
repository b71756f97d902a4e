"""The nodes of a graph or of a function, by name, and how they refer to each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError

Reference = tuple[str, int]
"""The name of a node, and which of its outputs."""

_OUTPUTS = {
    "FusedBatchNorm": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV2": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV3": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"),
    "MaxPoolWithArgmax": ("output", "argmax"),
    "Merge": ("output", "value_index"),
    "Switch": ("output_false", "output_true"),
    "TopK": ("values", "indices"),
    "TopKV2": ("values", "indices"),
}
"""The names of the outputs of operations that have several of a name each; all others have one, or one list."""


@dataclass(frozen=True)
class Node:
    """An operation of a graph.

    Args:
        place: its place among the nodes.
        attributes: its options, as AttrValues.
    """

    name: str
    op: str
    inputs: tuple[Reference, ...]
    attributes: Mapping[str, Any]
    place: int

    def __str__(self) -> str:
        return f"{self.name!r} ({self.op})"


@dataclass
class Graph:
    """Nodes by name; of a function the names of its arguments, and the references that it returns."""

    nodes: dict[str, Node]
    arguments: tuple[str, ...] = ()
    returned: tuple[Reference, ...] = ()
    readers: dict[str, list[Node]] = field(default_factory=dict)

    def order(self, wanted: Iterable[str], known: Mapping[str, Any]) -> list[Node]:
        """The nodes that those wanted need and that are not known yet, each after those it needs.

        Raises:
            LegacyFileError: a node reads one that is not there, or in a circle.
        """
        done, ordered = {*known}, []
        for name in wanted:
            stack: list[tuple[str, bool]] = [(name, False)]
            open_: set[str] = set()
            while stack:
                current, leaving = stack.pop()
                if leaving:
                    open_.discard(current)
                    if current not in done:
                        done.add(current)
                        ordered.append(self.nodes[current])
                    continue
                if current in done or current in self.arguments:
                    continue
                if current not in self.nodes:
                    raise LegacyFileError(f"a node reads {current!r}, which is not in the graph.")
                if current in open_:
                    raise LegacyFileError(f"node {self.nodes[current]} reads what it computes itself.")
                open_.add(current)
                stack.append((current, True))
                if self.nodes[current].op != "NextIteration":  # which closes a loop
                    reads = reversed(self.nodes[current].inputs)
                    stack.extend((read, False) for read, _ in reads if read not in done)
        return ordered

    def reading(self, name: str) -> list[Node]:
        """The nodes that read one."""
        if not self.readers:
            self.readers = {one: [] for one in (*self.nodes, *self.arguments)}
            for node in self.nodes.values():
                for read in {read for read, _ in node.inputs}:
                    self.readers.setdefault(read, []).append(node)
        return self.readers.get(name, [])


def parse_graph(message: Any) -> Graph:
    """The graph of a GraphDef."""
    nodes = (
        _node(one, tuple(_reference(text) for text in one.input if not text.startswith("^")), place)
        for place, one in enumerate(message.node)
    )
    return Graph({node.name: node for node in nodes})


def parse_function(message: Any) -> Graph:
    """The graph of a FunctionDef."""
    ops = {one.name: one.op for one in message.node_def}
    nodes = (
        _node(one, tuple(_inner(text, ops) for text in one.input if not text.startswith("^")), place)
        for place, one in enumerate(message.node_def)
    )
    returned = {entry.key: entry.value for entry in message.ret}
    signature = message.signature
    return Graph(
        {node.name: node for node in nodes},
        tuple(argument.name for argument in signature.input_arg),
        tuple(_inner(returned.get(argument.name, ""), ops) for argument in signature.output_arg),
    )


def _node(message: Any, inputs: tuple[Reference, ...], place: int) -> Node:
    return Node(message.name, message.op, inputs, {entry.key: entry.value for entry in message.attr}, place)


def _reference(text: str) -> Reference:
    """ "name" or "name:1"."""
    name, _, output = text.rpartition(":")
    return (name, int(output)) if name and output.isdecimal() else (text, 0)


def _inner(text: str, ops: Mapping[str, str]) -> Reference:
    """ "argument", or "node:output:0" of a node whose outputs have names."""
    name, *rest = text.split(":")
    if len(rest) != 2 or not rest[1].isdecimal():
        return name, 0
    names = _OUTPUTS.get(ops.get(name, ""), ())
    return name, (names.index(rest[0]) if rest[0] in names else 0) + int(rest[1])


parse_reference = _reference
