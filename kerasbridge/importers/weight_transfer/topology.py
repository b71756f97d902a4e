"""Which part of a model comes before which, by its graph alone."""

from collections.abc import Sequence
from itertools import pairwise

from kerasbridge.importers.weight_transfer.model_graph import LayerNode
from kerasbridge.importers.weight_transfer.slots import WeightSlot


class SlotTopology:
    """The parts that each part needs, and those that follow one another without a branch.

    Args:
        parts: all of a model, each after those that it needs.
    """

    def __init__(self, parts: Sequence[WeightSlot]) -> None:
        self.slots = tuple(parts)
        self._direct: list[set[int]] = []
        self._sources: dict[LayerNode, frozenset[int]] = {}
        last: dict[LayerNode, int] = {}
        for number, part in enumerate(parts):
            before = {last[part.place]} if part.place in last else {*self._reaching(part.place, last)}
            self._direct.append(before)
            last[part.place] = number
        self._ancestors = self._closed()
        self.successors = self._chains()

    def ancestors(self, part: int) -> int:
        """The numbers of all parts that a part needs, as bits."""
        return self._ancestors[part]

    def in_order(self, numbers: Sequence[int]) -> bool:
        """Return whether each of these parts needs the one before it."""
        return all(self._ancestors[second] >> first & 1 for first, second in pairwise(numbers))

    def _reaching(self, place: LayerNode, last: dict[LayerNode, int]) -> frozenset[int]:
        """The parts from which a way without other parts leads to a place; without recursion, as nets are deep."""
        waiting = [place]
        while waiting:
            top = waiting[-1]
            missing = [one for one in top.inputs if one not in last and one not in self._sources]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            found = (frozenset({last[one]}) if one in last else self._sources[one] for one in top.inputs)
            self._sources[top] = frozenset().union(*found)
        return self._sources[place]

    def _closed(self) -> list[int]:
        ancestors: list[int] = []
        for before in self._direct:
            bits = 0
            for one in before:
                bits |= ancestors[one] | 1 << one
            ancestors.append(bits)
        return ancestors

    def _chains(self) -> dict[int, int]:
        """By the number of a part that of the only one that takes from it, and takes from nothing else."""
        after: dict[int, list[int]] = {}
        for number, before in enumerate(self._direct):
            for one in before:
                after.setdefault(one, []).append(number)
        return {
            one: following[0]
            for one, following in after.items()
            if len(following) == 1 and len(self._direct[following[0]]) == 1
        }
