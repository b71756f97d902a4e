"""What a person says belongs together, and what names say by themselves."""

import re
from collections.abc import Mapping, Sequence

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.slots import WeightSlot

MappingValue = str | Sequence[str] | None
"""A prefix, names of arrays in the order in which a layer takes them, or None for a layer that keeps its weights."""


def parse_mapping(
    mapping: Mapping[str, MappingValue], parts: Sequence[WeightSlot], supply: AvailableArrays
) -> tuple[dict[int, Match], set[int]]:
    """What each part takes in a person's word, and the parts that are left as they are.

    Raises:
        ArgumentError: there is no such layer or module, or they do not fit each other.
    """
    found: dict[int, Match] = {}
    left: set[int] = set()
    for name, word in mapping.items():
        numbers = _parts_of(name, parts)
        if word is None or word == "":
            left |= {*numbers}
        elif len(numbers) > 1:
            inner = ", ".join(parts[number].name for number in numbers)
            raise ArgumentError(f"Expected in mapping= a layer that takes one module; {name!r} has several: {inner}.")
        else:
            found[numbers[0]] = _match(name, word, parts[numbers[0]], supply)
    used = [unit for match in found.values() for unit in match.units]
    if len(used) > len({*used}):
        raise ArgumentError("Expected in mapping= each module or array for one layer alone.")
    return found, left


def by_name(parts: Sequence[WeightSlot], supply: AvailableArrays) -> dict[int, Match]:
    """Parts whose own names are those of modules, with "_" or "/" for "."; names that Keras gave do not count."""
    units = {_plain(group.prefix): unit for unit, group in enumerate(supply.groups)}
    found = {}
    for number, part in enumerate(parts):
        unit = units.get(_plain(part.name))
        match = supply.whole(part, [unit]) if unit is not None and not _is_automatic(part) else None
        if match is not None:
            found[number] = match
    return found


def _plain(name: str) -> str:
    return re.sub(r"[./]", "_", name)


def _is_automatic(part: WeightSlot) -> bool:
    """Return whether Keras may have made up the name: "conv2d_1" of a Conv2D."""
    kind = re.sub(r"(?<=[a-z\d])(?=[A-Z])", "_", type(part.place.layer).__name__).lower()
    own = part.place.name.rpartition("/")[2]
    return re.sub(r"_\d+$", "", own).replace("_", "") == kind.replace("_", "")


def _parts_of(name: str, parts: Sequence[WeightSlot]) -> list[int]:
    for fits in (
        lambda part: part.name == name,
        lambda part: part.place.name == name or part.place.name.endswith(f"/{name}"),
    ):
        found = [number for number, part in enumerate(parts) if fits(part)]
        if found:
            return found
    there = ", ".join(part.name for part in parts)
    raise ArgumentError(f"Expected in mapping= names of layers that take weights, received {name!r}; they are {there}.")


def _match(layer: str, word: str | Sequence[str], part: WeightSlot, supply: AvailableArrays) -> Match:
    names = [word] if supply.groups and isinstance(word, str) else word.split(",") if isinstance(word, str) else word
    units = []
    for name in names:
        unit = supply.unit(name)
        if unit is None:
            kind = "modules" if supply.groups else "arrays"
            there = ", ".join(supply.named(range(len(supply))))
            raise ArgumentError(f"Expected in mapping= the {kind} of the file, received {name!r}; they are {there}.")
        units.append(unit)
    match = supply.whole(part, units)
    if match is None:
        received = ", ".join(supply.named(units))
        raise ArgumentError(f"mapping= gives {layer!r} {received}; expected {' or '.join(map(str, part.layouts))}.")
    return match
