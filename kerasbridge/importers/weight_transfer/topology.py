"""The order of the weight slots that the graph of a model implies."""

from collections.abc import Sequence
from itertools import pairwise

from kerasbridge.importers.weight_transfer.model_graph import LayerNode
from kerasbridge.importers.weight_transfer.slots import WeightSlot


class SlotTopology:
    """The slots that each slot depends on, and those that follow one another without a branch.

    Args:
        slots: all slots of a model, each after those that it depends on.
    """

    def __init__(self, slots: Sequence[WeightSlot]) -> None:
        self.slots = tuple(slots)
        self._predecessors: list[set[int]] = []
        self._nearest_slots: dict[LayerNode, frozenset[int]] = {}
        last: dict[LayerNode, int] = {}
        for number, slot in enumerate(slots):
            predecessors = {last[slot.node]} if slot.node in last else {*self._slots_before(slot.node, last)}
            self._predecessors.append(predecessors)
            last[slot.node] = number
        self._ancestors = self._transitive_closure()
        self.successors = self._only_successors()

    def ancestors(self, slot: int) -> int:
        """Return the numbers of all slots that a slot depends on, as a bit mask."""
        return self._ancestors[slot]

    def in_order(self, numbers: Sequence[int]) -> bool:
        """Return whether each of these slots depends on the one before it."""
        return all(self._ancestors[second] >> first & 1 for first, second in pairwise(numbers))

    def _slots_before(self, node: LayerNode, last: dict[LayerNode, int]) -> frozenset[int]:
        """Return the nearest slots on each path to a node; iterative, since networks can be deep."""
        stack = [node]
        while stack:
            top = stack[-1]
            missing = [source for source in top.inputs if source not in last and source not in self._nearest_slots]
            if missing:
                stack += missing
                continue
            stack.pop()
            nearest = (
                frozenset({last[source]}) if source in last else self._nearest_slots[source] for source in top.inputs
            )
            self._nearest_slots[top] = frozenset().union(*nearest)
        return self._nearest_slots[node]

    def _transitive_closure(self) -> list[int]:
        ancestors: list[int] = []
        for predecessors in self._predecessors:
            bits = 0
            for number in predecessors:
                bits |= ancestors[number] | 1 << number
            ancestors.append(bits)
        return ancestors

    def _only_successors(self) -> dict[int, int]:
        """Return, by slot, the only slot that follows it, if that one has no other predecessor."""
        successors: dict[int, list[int]] = {}
        for number, predecessors in enumerate(self._predecessors):
            for predecessor in predecessors:
                successors.setdefault(predecessor, []).append(number)
        return {
            number: following[0]
            for number, following in successors.items()
            if len(following) == 1 and len(self._predecessors[following[0]]) == 1
        }
