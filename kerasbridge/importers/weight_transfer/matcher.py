"""Match arrays to weight slots: by the user's mapping, by names, by order and shape, and by elimination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.constraint_search import ConstraintSolver
from kerasbridge.importers.weight_transfer.mapping import MappingValue, match_by_name, parse_mapping
from kerasbridge.importers.weight_transfer.sequential_search import SearchResult, search
from kerasbridge.importers.weight_transfer.slots import WeightSlot
from kerasbridge.importers.weight_transfer.topology import SlotTopology

MAPPING_HINT = (
    'Pass mapping={"layer": "module"} (--map layer=module), for some or all layers; None (--map layer=) for a layer '
    "that keeps its weights"
)
MAX_SHOWN = 6
"""Entries of a list in an error message."""


@dataclass(frozen=True)
class Matching:
    """The match of each slot, the slots that keep their weights, and descriptions of the unused units."""

    matches: tuple[tuple[WeightSlot, Match], ...]
    unchanged: tuple[WeightSlot, ...]
    unused: tuple[str, ...]


def match(
    slots: Sequence[WeightSlot], parameters: Parameters, mapping: Mapping[str, MappingValue], model: str
) -> Matching:
    """Match the arrays of a file to the slots of a model.

    Args:
        slots: all slots of the model.
        parameters: the content of the file.
        mapping: the user's mapping.
        model: the name of the model, for errors.

    Raises:
        LegacyFileError: there is no match of all slots, or more than one; the message has the matches so far.
        ArgumentError: the mapping names a layer or module that does not exist.
    """
    available = AvailableArrays(parameters)
    mapped, unchanged = parse_mapping(mapping, slots, available)
    numbers = [number for number in range(len(slots)) if number not in unchanged]
    open_slots = [slots[number] for number in numbers]
    fixed = {numbers.index(number): match for number, match in mapped.items() if number not in unchanged}
    allow_unused = bool(unchanged) or len(fixed) == len(open_slots)
    matches = _Matcher(SlotTopology(open_slots), available, parameters, model, allow_unused).solve(fixed)
    used = {unit for match in matches.values() for unit in match.units}
    return Matching(
        tuple((slot, matches[number]) for number, slot in enumerate(open_slots)),
        tuple(slots[number] for number in sorted(unchanged)),
        tuple(available.descriptions(unit for unit in range(len(available)) if unit not in used)),
    )


@dataclass(frozen=True)
class _Matcher:
    """The slots to fill, the available arrays, and whether some of these may be left over."""

    topology: SlotTopology
    available: AvailableArrays
    parameters: Parameters
    model: str
    allow_unused: bool

    def solve(self, mapped: dict[int, Match]) -> dict[int, Match]:
        """Return the match of each slot; those that the user mapped stay."""
        named = match_by_name(self.topology.slots, self.available)
        used = {unit for match in mapped.values() for unit in match.units}
        fixed = {number: match for number, match in named.items() if not used & {*match.units}} | mapped
        units = self._unused_units(fixed)
        if len(fixed) == len(self.topology.slots):
            if units and not self.allow_unused:
                raise self._mismatch_error(fixed)
            return fixed
        result = SearchResult([], {})
        if self.parameters.ordered:
            result = search(self.topology, self.available, fixed, units, self.allow_unused)
            if len(result.solutions) == 1:
                return fixed | result.solutions[0]
        return self._solve_without_order(fixed, result)

    def _solve_without_order(self, fixed: dict[int, Match], result: SearchResult) -> dict[int, Match]:
        slots = [number for number in range(len(self.topology.slots)) if number not in fixed]
        units = self._unused_units(fixed)
        if self.available.groups and (self.allow_unused or len(units) == len(slots)):
            solver = ConstraintSolver(self.topology, self.available, slots, units, fixed)
            if solver.run():
                return solver.matches
            candidates = {number: solver.candidates(number) for number in slots if number not in solver.matches}
            if candidates and all(candidates.values()):
                raise self._ambiguity_error(candidates)
        if result.solutions:
            raise self._ambiguity_error(self._differences(result, fixed))
        raise self._mismatch_error(fixed | result.furthest)

    def _unused_units(self, matches: dict[int, Match]) -> list[int]:
        used = {unit for match in matches.values() for unit in match.units}
        return [unit for unit in range(len(self.available)) if unit not in used]

    def _differences(self, result: SearchResult, fixed: dict[int, Match]) -> dict[int, list[int]]:
        """Return the units of the slots that differ between the two solutions."""
        first, second = result.solutions
        differing = {
            number: [*first[number].units, *second[number].units]
            for number in first
            if number in second and first[number].units != second[number].units
        }
        return differing or {number: [] for number in range(len(self.topology.slots)) if number not in fixed}

    def _ambiguity_error(self, candidates: dict[int, list[int]]) -> LegacyFileError:
        lines = [
            f"{self.topology.slots[number].name} <- {_alternatives(self.available.names(dict.fromkeys(units)))}"
            for number, units in candidates.items()
        ]
        return LegacyFileError(
            f"{self.parameters.file} fits {self.model} in more than one way: {_first_lines(lines)}. {MAPPING_HINT}."
        )

    def _mismatch_error(self, matches: dict[int, Match]) -> LegacyFileError:
        """Return the error with the matches so far, the expected slot and the remaining units."""
        slots = self.topology.slots
        lines = [f"{slots[number].name} <- {', '.join(match.names)}" for number, match in sorted(matches.items())]
        missing = next((slot for number, slot in enumerate(slots) if number not in matches), None)
        expected = f"{missing} with {' or '.join(map(str, missing.layouts))}" if missing else "no more"
        received = _first_lines(self.available.descriptions(self._unused_units(matches))) or "nothing more"
        return LegacyFileError(
            f"{self.parameters.file} does not fit {self.model}: {_last_lines(lines) or 'nothing fits'}; then expected "
            f"{expected}, received {received}. {MAPPING_HINT}."
        )


def _alternatives(names: Sequence[str]) -> str:
    if not names:
        return "any"
    return " or ".join([*names[:MAX_SHOWN], *(["another"] if len(names) > MAX_SHOWN else [])])


def _first_lines(lines: Sequence[str]) -> str:
    more = [f"{len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    return "; ".join([*lines[:MAX_SHOWN], *more])


def _last_lines(lines: Sequence[str]) -> str:
    more = [f"{len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    return "; ".join([*more, *lines[-MAX_SHOWN:]])
