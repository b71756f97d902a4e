"""Which arrays go to which part: as a person says, by names, by order and shape, and by what names and shapes imply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.weight_transfer import mapping as words
from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.constraint_search import ConstraintSolver
from kerasbridge.importers.weight_transfer.sequential_search import SearchResult, search
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.importers.weight_transfer.topology import SlotTopology

MAPPING_HINT = (
    'Say it by mapping={"layer": "module"} (--map layer=module), for some layers or for all of them; None (--map '
    "layer=) for a layer that keeps its weights"
)
_SHOWN = 6


@dataclass(frozen=True)
class Matching:
    """What each part takes, the parts that keep their weights, and the units that are for none, in words."""

    matches: tuple[tuple[WeightSlot, Match], ...]
    left: tuple[WeightSlot, ...]
    unused: tuple[str, ...]


def match(
    parts: Sequence[WeightSlot], parameters: Parameters, mapping: Mapping[str, words.MappingValue], model: str
) -> Matching:
    """All of it.

    Raises:
        LegacyFileError: with the mapping as far as it goes, where it does not go to the end or not in one way.
        ArgumentError: mapping names what is not there.
    """
    supply = AvailableArrays(parameters)
    fixed, left = words.parse_mapping(mapping, parts, supply)
    kept = [part for number, part in enumerate(parts) if number not in left]
    names = [number for number in range(len(parts)) if number not in left]
    known = {names.index(number): one for number, one in fixed.items() if number not in left}
    task = _Task(SlotTopology(kept), supply, parameters, model, bool(left) or len(known) == len(kept))
    found = task.solve(known)
    used = {unit for one in found.values() for unit in one.units}
    return Matching(
        tuple((part, found[number]) for number, part in enumerate(kept)),
        tuple(parts[number] for number in sorted(left)),
        tuple(supply.named(unit for unit in range(len(supply)) if unit not in used)),
    )


@dataclass(frozen=True)
class _Task:
    """Parts, what there is for them, and whether some of it may be left over."""

    topology: SlotTopology
    available: AvailableArrays
    parameters: Parameters
    model: str
    some: bool

    def solve(self, said: dict[int, Match]) -> dict[int, Match]:
        named = words.by_name(self.topology.slots, self.available)
        taken = {unit for one in said.values() for unit in one.units}
        fixed = {number: one for number, one in named.items() if not taken & {*one.units}} | said
        units = self._open(fixed)
        if len(fixed) == len(self.topology.slots):
            if units and not self.some:
                raise self._misfit(fixed)
            return fixed
        found = SearchResult([], {})
        if self.parameters.ordered:
            found = search(self.topology, self.available, fixed, units, self.some)
            if len(found.solutions) == 1:
                return fixed | found.solutions[0]
        return self._deduced(fixed, found)

    def _deduced(self, fixed: dict[int, Match], found: SearchResult) -> dict[int, Match]:
        parts = [number for number in range(len(self.topology.slots)) if number not in fixed]
        if self.available.groups and (self.some or len(self._open(fixed)) == len(parts)):
            deduction = ConstraintSolver(self.topology, self.available, parts, self._open(fixed), fixed)
            if deduction.run():
                return deduction.found
            still = {number: deduction.candidates(number) for number in parts if number not in deduction.found}
            if still and all(still.values()):
                raise self._ambiguous(still)
        if found.solutions:
            raise self._ambiguous(self._differing(found, fixed))
        raise self._misfit(fixed | found.furthest)

    def _open(self, fixed: dict[int, Match]) -> list[int]:
        used = {unit for one in fixed.values() for unit in one.units}
        return [unit for unit in range(len(self.available)) if unit not in used]

    def _differing(self, found: SearchResult, fixed: dict[int, Match]) -> dict[int, list[int]]:
        """The parts that take other units in one solution than in the other."""
        one, other = found.solutions
        both = {
            number: [*one[number].units, *other[number].units]
            for number in one
            if number in other and one[number].units != other[number].units
        }
        return both or {number: [] for number in range(len(self.topology.slots)) if number not in fixed}

    def _ambiguous(self, still: dict[int, list[int]]) -> LegacyFileError:
        lines = [
            f"{self.topology.slots[number].name} <- {_one_of(self.available.names(dict.fromkeys(units)))}"
            for number, units in still.items()
        ]
        return LegacyFileError(
            f"{self.parameters.file} fits {self.model} in more than one way: {_shortened(lines, first=True)}. "
            f"{MAPPING_HINT}."
        )

    def _misfit(self, found: dict[int, Match]) -> LegacyFileError:
        """The mapping as far as it went, what is expected next, and what there is."""
        parts = self.topology.slots
        lines = [f"{parts[number].name} <- {', '.join(one.names)}" for number, one in sorted(found.items())]
        missing = next((part for number, part in enumerate(parts) if number not in found), None)
        units = self._open(found)
        held = _shortened(self.available.named(units), first=True) or "nothing more"
        wanted = f"{missing} with {' or '.join(map(str, missing.layouts))}" if missing else "no more"
        return LegacyFileError(
            f"{self.parameters.file} does not fit {self.model}: {_shortened(lines) or 'nothing fits'}; then expected "
            f"{wanted}, received {held}. {MAPPING_HINT}."
        )


def _one_of(names: Sequence[str]) -> str:
    return " or ".join(names[:_SHOWN]) + (" or another" if len(names) > _SHOWN else "") if names else "any"


def _shortened(lines: Sequence[str], first: bool = False) -> str:
    """The first or the last of many lines, in one."""
    if len(lines) <= _SHOWN:
        return "; ".join(lines)
    more = f"{len(lines) - _SHOWN} more"
    return "; ".join([*lines[:_SHOWN], more] if first else [more, *lines[-_SHOWN:]])
