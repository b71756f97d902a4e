"""Matching by shape and name, for files that do not keep the order of layers.

Nothing is guessed: a module goes to a part if it alone fits, if it is the normalisation that names put beside a module
that has its place, or if all that fit the same parts are numbered ("conv1", "conv2"; "0", "3") and these parts follow
one another in the model. What is then open is open.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from kerasbridge.importers.ir.weights import Group, natural_sort_key
from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.topology import SlotTopology


class ConstraintSolver:
    """Which module belongs to which part.

    Args:
        relations: of the parts.
        supply: what the file holds, in modules.
        parts, units: the numbers of those that are open.
        fixed: what each other part takes.
    """

    def __init__(
        self,
        relations: SlotTopology,
        supply: AvailableArrays,
        parts: Sequence[int],
        units: Sequence[int],
        fixed: dict[int, Match],
    ) -> None:
        self._topology, self._groups = relations, supply.groups
        self._fitting = {
            part: {unit: match for unit in units if (match := supply.match(relations.slots[part], [unit]))}
            for part in parts
        }
        self.found: dict[int, Match] = dict(fixed)
        self._open = {*units}

    def run(self) -> bool:
        """Go on while anything follows; whether every part has its module, and none contradicts its numbers."""
        while any(self._takes(rule()) for rule in (self._alone, self._beside, self._numbered)):
            pass
        return not self._fitting and self._in_order()

    def candidates(self, part: int) -> list[int]:
        """The modules that an open part could take."""
        return [unit for unit in self._fitting.get(part, {}) if unit in self._open]

    def _takes(self, pairs: Iterable[tuple[int, int]]) -> bool:
        taken = [self._take(part, unit) for part, unit in list(pairs)]
        return any(taken)

    def _take(self, part: int, unit: int) -> bool:
        if part not in self._fitting or unit not in self._open or unit not in self._fitting[part]:
            return False
        self.found[part] = self._fitting.pop(part)[unit]
        self._open.discard(unit)
        return True

    def _alone(self) -> Iterator[tuple[int, int]]:
        """A part that only one module fits, and a module that fits only one part."""
        takers: dict[int, list[int]] = {}
        for part in self._fitting:
            candidates = self.candidates(part)
            for unit in candidates:
                takers.setdefault(unit, []).append(part)
            if len(candidates) == 1:
                yield part, candidates[0]
        yield from ((parts[0], unit) for unit, parts in takers.items() if len(parts) == 1)

    def _beside(self) -> Iterator[tuple[int, int]]:
        """The normalisation behind a part that has its module, and the one that names put beside that."""
        for part, match in self.found.items():
            following = self._topology.successors.get(part)
            if following is not None and self._topology.slots[following].normalizes:
                beside = self._normalization_of(match.units[0])
                if beside is not None:
                    yield following, beside

    def _normalization_of(self, unit: int) -> int | None:
        """The one that has the same parent and number: "bn1" of "conv1"; or the next number: "1" of "0"."""
        parent, stem, number = _parts(self._groups[unit])
        near = {other: _parts(group) for other, group in enumerate(self._groups) if _parts(group)[0] == parent}
        if stem:
            found = [other for other, (_, name, n) in near.items() if name != stem and n == number]
        else:
            later = sorted((n, other) for other, (_, name, n) in near.items() if not name and n > number)
            found = [other for _, other in later[:1]]
        vectors = [one for one in found if all(array.ndim == 1 for array in self._groups[one].arrays.values())]
        return vectors[0] if len(vectors) == 1 else None

    def _numbered(self) -> Iterator[tuple[int, int]]:
        """Parts in a row that are alike, and as many modules in the order of their numbers."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for part in self._fitting:
            alike.setdefault(tuple(self.candidates(part)), []).append(part)
        for units, parts in alike.items():
            ordered = sorted(units, key=lambda unit: natural_sort_key(self._groups[unit].prefix))
            if len(units) == len(parts) and self._topology.in_order(parts) and self._are_numbered(ordered):
                yield from zip(parts, ordered, strict=True)

    def _are_numbered(self, units: Sequence[int]) -> bool:
        return all(comes_before(self._groups[one].prefix, self._groups[other].prefix) for one, other in pairwise(units))

    def _in_order(self) -> bool:
        """Return whether no part needs another that fits the same module and has one of a higher number."""
        by_role: dict[tuple[tuple[str, tuple[int, ...]], ...], list[int]] = {}
        for part, match in self.found.items():
            by_role.setdefault(tuple((piece.role, piece.shape) for piece in match.layout.arrays), []).append(part)
        return not any(self._contradict(one, other) for parts in by_role.values() for one in parts for other in parts)

    def _contradict(self, one: int, other: int) -> bool:
        needed = self._topology.ancestors(one) >> other & 1
        prefixes = [self._groups[self.found[part].units[0]].prefix for part in (one, other)]
        return bool(needed) and comes_before(*prefixes)


def comes_before(one: str, other: str) -> bool:
    """Return whether names differ first in a number, and the first has the lower: "layer1.bn2" and "layer2.bn1".

    TensorFlow numbers from the second on: "dense" comes before "dense_1".
    """
    for first, second in zip(re.split(r"[./]", one), re.split(r"[./]", other), strict=False):
        if first != second:
            if re.fullmatch(re.escape(first) + r"_\d+", second):
                return True
            (stem, number), (other_stem, other_number) = _stem(first), _stem(second)
            return stem == other_stem and -1 < number < other_number
    return False


def _stem(component: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)(\d*)", component, re.DOTALL)
    assert match is not None
    return match[1], int(match[2]) if match[2] else -1


def _parts(group: Group) -> tuple[str, str, int]:
    *parent, own = re.split(r"[./]", group.prefix)
    return ".".join(parent), *_stem(own)
