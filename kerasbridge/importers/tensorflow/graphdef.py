"""Nodes of a graph or of a function, by name, and their references to each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend

_STEPS_PER_NODE, _MEMORY_PER_NODE = 10, 2_000

Reference = tuple[str, int]
"""The name of a node, and the index of one of its outputs."""

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
"""Output names of operations with several named outputs; all others have one output, or one list of outputs."""


@dataclass(frozen=True)
class Node:
    """An operation of a graph.

    Args:
        attributes: its options, as AttrValues.
        index: its position among the nodes.
    """

    name: str
    op: str
    inputs: tuple[Reference, ...]
    attributes: Mapping[str, Any]
    index: int

    def __str__(self) -> str:
        return f"{self.name!r} ({self.op})"


@dataclass
class Graph:
    """Nodes by name; for a function also the names of its arguments, and references to its results."""

    nodes: dict[str, Node]
    arguments: tuple[str, ...] = ()
    results: tuple[Reference, ...] = ()
    _consumers: dict[str, list[Node]] = field(default_factory=dict)

    def topological_order(self, outputs: Iterable[str], computed: Mapping[str, Any]) -> list[Node]:
        """Return the nodes that outputs depend on and that are not computed yet, each after its inputs.

        Raises:
            LegacyFileError: a node reads one that does not exist, or depends on itself.
        """
        done, ordered = {*computed}, []
        for name in outputs:
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
                    raise LegacyFileError(f"node {self.nodes[current]} depends on itself.")
                open_.add(current)
                stack.append((current, True))
                if self.nodes[current].op != "NextIteration":  # which closes a loop
                    reads = reversed(self.nodes[current].inputs)
                    stack.extend((read, False) for read, _ in reads if read not in done)
        return ordered

    def consumers(self, name: str) -> list[Node]:
        """Return the nodes that read a node."""
        if not self._consumers:
            for node in self.nodes.values():
                for source in {source for source, _ in node.inputs}:
                    self._consumers.setdefault(source, []).append(node)
        return self._consumers.get(name, [])


def parse_graph(message: Any) -> Graph:
    """Return the graph of a GraphDef."""
    nodes = (
        _node(entry, tuple(parse_reference(text) for text in entry.input if not text.startswith("^")), index)
        for index, entry in enumerate(message.node)
    )
    return Graph({node.name: node for node in nodes})


def parse_function(message: Any) -> Graph:
    """Return the graph of a FunctionDef."""
    ops = {entry.name: entry.op for entry in message.node_def}
    nodes = (
        _node(entry, tuple(_inner_reference(text, ops) for text in entry.input if not text.startswith("^")), index)
        for index, entry in enumerate(message.node_def)
    )
    results = {entry.key: entry.value for entry in message.ret}
    signature = message.signature
    return Graph(
        {node.name: node for node in nodes},
        tuple(argument.name for argument in signature.input_arg),
        tuple(_inner_reference(results.get(argument.name, ""), ops) for argument in signature.output_arg),
    )


def _node(message: Any, inputs: tuple[Reference, ...], index: int) -> Node:
    spend(steps=_STEPS_PER_NODE + len(inputs) + len(message.attr), memory=_MEMORY_PER_NODE)
    return Node(message.name, message.op, inputs, {entry.key: entry.value for entry in message.attr}, index)


def parse_reference(text: str) -> Reference:
    """Parse "name" or "name:1"."""
    name, _, output = text.rpartition(":")
    return (name, int(output)) if name and output.isdecimal() else (text, 0)


def _inner_reference(text: str, ops: Mapping[str, str]) -> Reference:
    """Parse "argument", or "node:output:0" for a node whose outputs have names."""
    name, *rest = text.split(":")
    if len(rest) != 2 or not rest[1].isdecimal():
        return name, 0
    names = _OUTPUTS.get(ops.get(name, ""), ())
    return name, (names.index(rest[0]) if rest[0] in names else 0) + int(rest[1])
