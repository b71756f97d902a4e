"""What a file has to give, and what of it a part of a model can take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Group, Parameter, Parameters
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, WeightSlot


@dataclass(frozen=True, eq=False)
class Match:
    """Arrays that a part takes, in the order of its form.

    Args:
        form: one of the part's.
        names: of the arrays in the file.
        arrays: they themselves.
        units: which of the supply they are.
    """

    layout: ArrayLayout
    names: tuple[str, ...]
    arrays: tuple[Array, ...]
    units: tuple[int, ...]


class AvailableArrays:
    """The units of a file: modules where names say them, else single arrays.

    Args:
        parameters: what the file holds.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.groups, self.ungrouped = parameters.groups, parameters.ungrouped

    def __len__(self) -> int:
        return len(self.groups) or len(self.ungrouped)

    def named(self, units: Iterable[int]) -> list[str]:
        """How units are told to a person, with their shapes."""
        held: Sequence[Group | Parameter] = self.groups or self.ungrouped
        return [str(held[unit]) for unit in units]

    def names(self, units: Iterable[int]) -> list[str]:
        """The prefixes of modules, or the names of arrays."""
        return [self.groups[unit].prefix if self.groups else self.ungrouped[unit].name for unit in units]

    def match(self, part: WeightSlot, units: Sequence[int]) -> Match | None:
        """The first of these units as what the part takes."""
        if not self.groups:
            return _of_shapes(part, [(unit, self.ungrouped[unit]) for unit in units])
        return _of_roles(part, units[0], self.groups[units[0]]) if units else None

    def whole(self, part: WeightSlot, units: Sequence[int]) -> Match | None:
        """All of these units as what the part takes."""
        found = self.match(part, units)
        return found if found and len(found.units) == len(units) else None

    def unit(self, name: str) -> int | None:
        """The unit of a prefix, or of an array's name."""
        names = self.names(range(len(self)))
        return names.index(name) if name in names else None


def _of_roles(part: WeightSlot, unit: int, group: Group) -> Match | None:
    shapes = {role: array.shape for role, array in group.arrays.items()}
    for form in part.layouts:
        if {piece.role: piece.shape for piece in form.arrays} == shapes:
            roles = [piece.role for piece in form.arrays]
            return Match(form, tuple(map(group.name, roles)), tuple(group.arrays[role] for role in roles), (unit,))
    return None


def _of_shapes(part: WeightSlot, there: Sequence[tuple[int, Parameter]]) -> Match | None:
    for form in part.layouts:
        taken = there[: len(form.arrays)]
        if [piece.shape for piece in form.arrays] == [one.array.shape for _, one in taken]:
            arrays = tuple(one.array for _, one in taken)
            return Match(form, tuple(one.name for _, one in taken), arrays, tuple(unit for unit, _ in taken))
    return None
