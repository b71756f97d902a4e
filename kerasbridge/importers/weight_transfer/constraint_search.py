"""Matching by elimination, for files that do not keep the order of layers.

Nothing is guessed. A module is assigned to a slot if only it fits; if names show that it is the normalization that
belongs to a module that is assigned already; or if all modules that fit the same slots are numbered ("conv1", "conv2";
"0", "3") and these slots follow one another in the model. Any other slot stays open.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from kerasbridge.importers.ir.weights import Group, natural_sort_key
from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.topology import SlotTopology


class ConstraintSolver:
    """Assigns modules to slots, as far as this can be done in one way only.

    Args:
        topology: the slots of the model.
        available: the content of the file, in modules.
        slots, units: the numbers of the open slots and of the unused modules.
        fixed: the matches of all other slots.
    """

    def __init__(
        self,
        topology: SlotTopology,
        available: AvailableArrays,
        slots: Sequence[int],
        units: Sequence[int],
        fixed: dict[int, Match],
    ) -> None:
        self._topology, self._groups = topology, available.groups
        self._possible = {
            slot: {unit: match for unit in units if (match := available.match(topology.slots[slot], [unit]))}
            for slot in slots
        }
        self.matches: dict[int, Match] = dict(fixed)
        self._unused = {*units}

    def run(self) -> bool:
        """Apply the rules until none of them applies; return whether every slot is matched, without contradiction."""
        rules = (self._single_candidates, self._normalizations, self._numbered_sequences)
        while any(self._assign_all(rule()) for rule in rules):
            pass
        return not self._possible and self._in_order()

    def candidates(self, slot: int) -> list[int]:
        """Return the modules that fit an open slot."""
        return [unit for unit in self._possible.get(slot, {}) if unit in self._unused]

    def _assign_all(self, pairs: Iterable[tuple[int, int]]) -> bool:
        assigned = [self._assign(slot, unit) for slot, unit in list(pairs)]
        return any(assigned)

    def _assign(self, slot: int, unit: int) -> bool:
        if slot not in self._possible or unit not in self._unused or unit not in self._possible[slot]:
            return False
        self.matches[slot] = self._possible.pop(slot)[unit]
        self._unused.discard(unit)
        return True

    def _single_candidates(self) -> Iterator[tuple[int, int]]:
        """Yield slots that only one module fits, and modules that fit only one slot."""
        slots_by_unit: dict[int, list[int]] = {}
        for slot in self._possible:
            candidates = self.candidates(slot)
            for unit in candidates:
                slots_by_unit.setdefault(unit, []).append(slot)
            if len(candidates) == 1:
                yield slot, candidates[0]
        yield from ((slots[0], unit) for unit, slots in slots_by_unit.items() if len(slots) == 1)

    def _normalizations(self) -> Iterator[tuple[int, int]]:
        """Yield normalizations after a matched slot, with the one that belongs to its module by name."""
        for slot, match in self.matches.items():
            following = self._topology.successors.get(slot)
            if following is not None and self._topology.slots[following].normalizes:
                normalization = self._normalization_of(match.units[0])
                if normalization is not None:
                    yield following, normalization

    def _normalization_of(self, unit: int) -> int | None:
        """Return the one with the same parent and number, "bn1" for "conv1", or the next number, "1" for "0"."""
        parent, stem, number = _split_prefix(self._groups[unit])
        names = enumerate(map(_split_prefix, self._groups))
        siblings = {other: (name, n) for other, (other_parent, name, n) in names if other_parent == parent}
        if stem:
            found = [other for other, (name, n) in siblings.items() if name != stem and n == number]
        else:
            later = sorted((n, other) for other, (name, n) in siblings.items() if not name and n > number)
            found = [other for _, other in later[:1]]
        vectors = [other for other in found if all(array.ndim == 1 for array in self._groups[other].arrays.values())]
        return vectors[0] if len(vectors) == 1 else None

    def _numbered_sequences(self) -> Iterator[tuple[int, int]]:
        """Yield successive slots with the same candidates, with as many modules in the order of their numbers."""
        slots_by_candidates: dict[tuple[int, ...], list[int]] = {}
        for slot in self._possible:
            slots_by_candidates.setdefault(tuple(self.candidates(slot)), []).append(slot)
        for units, slots in slots_by_candidates.items():
            ordered = sorted(units, key=lambda unit: natural_sort_key(self._groups[unit].prefix))
            if len(units) == len(slots) and self._topology.in_order(slots) and self._are_numbered(ordered):
                yield from zip(slots, ordered, strict=True)

    def _are_numbered(self, units: Sequence[int]) -> bool:
        prefixes = [self._groups[unit].prefix for unit in units]
        return all(comes_before(first, second) for first, second in pairwise(prefixes))

    def _in_order(self) -> bool:
        """Return whether, among slots of one layout, none depends on a slot whose module has a higher number."""
        by_layout: dict[tuple[tuple[str, tuple[int, ...]], ...], list[int]] = {}
        for slot, match in self.matches.items():
            by_layout.setdefault(tuple((spec.role, spec.shape) for spec in match.layout.arrays), []).append(slot)
        return not any(
            self._contradicts(slot, other) for slots in by_layout.values() for slot in slots for other in slots
        )

    def _contradicts(self, slot: int, other: int) -> bool:
        depends = self._topology.ancestors(slot) >> other & 1
        prefixes = [self._groups[self.matches[number].units[0]].prefix for number in (slot, other)]
        return bool(depends) and comes_before(*prefixes)


def comes_before(first: str, second: str) -> bool:
    """Return whether names differ first in a number, and the first has the lower: "layer1.bn2" and "layer2.bn1".

    TensorFlow numbers from the second on: "dense" comes before "dense_1".
    """
    for part, other_part in zip(re.split(r"[./]", first), re.split(r"[./]", second), strict=False):
        if part != other_part:
            if re.fullmatch(re.escape(part) + r"_\d+", other_part):
                return True
            (stem, number), (other_stem, other_number) = _split_number(part), _split_number(other_part)
            return stem == other_stem and -1 < number < other_number
    return False


def _split_number(part: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)(\d*)", part, re.DOTALL)
    assert match is not None
    return match[1], int(match[2]) if match[2] else -1


def _split_prefix(group: Group) -> tuple[str, str, int]:
    *parent, own = re.split(r"[./]", group.prefix)
    return ".".join(parent), *_split_number(own)
