"""Dead branches of a traced step: operations only needed by the side of a `where` that a scalar condition rejects.

On a CPU, reading the condition costs nothing. On other devices, the host would have to wait for it, so both sides are
computed.
"""

import torch
from torch.fx import Graph, Node

from kerasbridge.engines.torch.passes import ATEN, StorageRoots, layout_of, written_by

MIN_SKIPPED = 4
"""Minimum number of operations to skip: with fewer, the decision costs more than it saves."""

Guards = list[tuple[Node, bool]]


def guards_of(graph: Graph) -> dict[Node, Guards]:
    """Return, for each operation that one side of a `where` needs, the conditions and their values, outermost first."""
    readers = _Readers(graph)
    conditions = {node.args[0] for node in graph.nodes if is_choice(node)}
    guards: dict[Node, Guards] = {}
    for condition in (node for node in graph.nodes if node in conditions):
        sides = {wanted: readers.only_for(condition, wanted) for wanted in (True, False)}
        if sum(map(len, sides.values())) >= MIN_SKIPPED:
            for wanted, nodes in sides.items():
                for node in nodes:
                    guards.setdefault(node, []).append((condition, wanted))
    return guards


def is_choice(node: Node) -> bool:
    """Return whether an operation is a `where` that selects one of two whole tensors by a scalar the host can read."""
    if node.target is not ATEN.where.self:
        return False
    condition, *sides = node.args
    alike = all(isinstance(side, Node) and layout_of(side) == layout_of(node) for side in sides)
    return alike and isinstance(condition, Node) and _is_readable(condition)


def shares_memory_safely(graph: Graph, choice: Node) -> bool:
    """Return whether the chosen tensor can be used without the copy that `where` makes: nothing writes to it later."""
    roots, seen = StorageRoots(graph), False
    shared = {roots.of(node) for node in (choice, *choice.args[1:])}
    for node in graph.nodes:
        if seen and any(roots.of(target) in shared for target in written_by(node)):
            return False
        seen = seen or node is choice
    return True


class _Readers:
    """The operations that read each tensor's memory."""

    def __init__(self, graph: Graph) -> None:
        self._roots = StorageRoots(graph)
        self._nodes = list(graph.nodes)
        self._order = {node: index for index, node in enumerate(self._nodes)}
        self._readers: dict[Node, set[Node]] = {}
        for node in self._nodes:
            for source in node.all_input_nodes:
                self._readers.setdefault(self._roots.of(source), set()).add(node)

    def only_for(self, condition: Node, wanted: bool) -> set[Node]:
        """Return the operations after `condition` that are needed only for its choices of this side."""
        skippable: set[Node] = set()
        for node in reversed(self._nodes[self._order[condition] + 1 :]):
            if node.op == "call_function" and self._is_skippable(node, condition, wanted, skippable):
                skippable.add(node)
        return skippable

    def _is_skippable(self, node: Node, condition: Node, wanted: bool, skippable: set[Node]) -> bool:
        written = {self._roots.of(target) for target in written_by(node)}
        if any(root.op != "call_function" for root in written):
            return False
        later = {
            reader for root in written for reader in self._readers[root] if self._order[reader] > self._order[node]
        }
        results = written | {self._roots.of(node)}
        needed_by = later | set(node.users)
        return bool(needed_by) and all(
            reader in skippable or self._chooses(reader, condition, wanted, results) for reader in needed_by
        )

    def _chooses(self, node: Node, condition: Node, wanted: bool, results: set[Node]) -> bool:
        if not is_choice(node) or node.args[0] is not condition:
            return False
        chosen, other = (self._roots.of(node.args[k]) for k in ((1, 2) if wanted else (2, 1)))
        return chosen in results and other not in results


def _is_readable(condition: Node) -> bool:
    layout = layout_of(condition)
    if layout is None or condition.op != "call_function":
        return False
    return not layout.shape and layout.dtype == torch.bool and layout.device.type == "cpu"
