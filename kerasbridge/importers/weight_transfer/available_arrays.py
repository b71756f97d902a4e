"""The arrays of a file, and the matches between them and the weight slots of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Group, Parameter, Parameters
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, WeightSlot


@dataclass(frozen=True, eq=False)
class Match:
    """The arrays for a slot, in the order of one of its layouts.

    Args:
        layout: the layout.
        names: the names of the arrays in the file.
        arrays: the arrays.
        units: the numbers of the units that they are in.
    """

    layout: ArrayLayout
    names: tuple[str, ...]
    arrays: tuple[Array, ...]
    units: tuple[int, ...]


class AvailableArrays:
    """The units of a file: modules if the names of its arrays refer to modules, else single arrays.

    Args:
        parameters: the content of the file.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.groups, self.ungrouped = parameters.groups, parameters.ungrouped

    def __len__(self) -> int:
        return len(self.groups) or len(self.ungrouped)

    def descriptions(self, units: Iterable[int]) -> list[str]:
        """Return the names and shapes of units, for messages."""
        every: Sequence[Group | Parameter] = self.groups or self.ungrouped
        return [str(every[unit]) for unit in units]

    def names(self, units: Iterable[int]) -> list[str]:
        """Return the prefixes of modules, or the names of arrays."""
        return [self.groups[unit].prefix if self.groups else self.ungrouped[unit].name for unit in units]

    def match(self, slot: WeightSlot, units: Sequence[int]) -> Match | None:
        """Return the match of a slot with the first of these units; None if they do not fit."""
        if not self.groups:
            return _match_by_shapes(slot, [(unit, self.ungrouped[unit]) for unit in units])
        return _match_by_roles(slot, units[0], self.groups[units[0]]) if units else None

    def match_all(self, slot: WeightSlot, units: Sequence[int]) -> Match | None:
        """Return the match of a slot with all of these units; None if they do not fit."""
        match = self.match(slot, units)
        return match if match and len(match.units) == len(units) else None

    def unit(self, name: str) -> int | None:
        """Return the unit with this prefix or array name, if there is one."""
        names = self.names(range(len(self)))
        return names.index(name) if name in names else None


def _match_by_roles(slot: WeightSlot, unit: int, group: Group) -> Match | None:
    shapes = {role: array.shape for role, array in group.arrays.items()}
    for layout in slot.layouts:
        if {spec.role: spec.shape for spec in layout.arrays} == shapes:
            roles = [spec.role for spec in layout.arrays]
            return Match(layout, tuple(map(group.name, roles)), tuple(group.arrays[role] for role in roles), (unit,))
    return None


def _match_by_shapes(slot: WeightSlot, parameters: Sequence[tuple[int, Parameter]]) -> Match | None:
    for layout in slot.layouts:
        first = parameters[: len(layout.arrays)]
        if [spec.shape for spec in layout.arrays] == [parameter.array.shape for _, parameter in first]:
            arrays = tuple(parameter.array for _, parameter in first)
            return Match(
                layout, tuple(parameter.name for _, parameter in first), arrays, tuple(unit for unit, _ in first)
            )
    return None
