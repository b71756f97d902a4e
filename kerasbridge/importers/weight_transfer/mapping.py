"""Matching by the user's mapping, and by equal names of layers and modules."""

import re
from collections.abc import Mapping, Sequence

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.weight_transfer.available_arrays import AvailableArrays, Match
from kerasbridge.importers.weight_transfer.slots import WeightSlot

MappingValue = str | Sequence[str] | None
"""The prefix of a module, or the names of arrays in the layer's order, or None for a layer that keeps its weights; with
"as stored", the layer takes its features in the order of the file."""


AS_STORED = "as stored"
"""In the place of a module, or after it: the features of the layer are in the order of the file."""


def split_as_stored(mapping: Mapping[str, MappingValue]) -> tuple[dict[str, MappingValue], list[str]]:
    """Return the mapping without "as stored", and the layers that have it."""
    modules: dict[str, MappingValue] = {}
    as_stored = []
    for layer, value in mapping.items():
        parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [*(value or ())]
        if AS_STORED not in parts:
            modules[layer] = value
            continue
        as_stored.append(layer)
        rest = [part for part in parts if part != AS_STORED]
        if rest:
            modules[layer] = ",".join(rest) if isinstance(value, str) else rest
    return modules, as_stored


def parse_mapping(
    mapping: Mapping[str, MappingValue], slots: Sequence[WeightSlot], available: AvailableArrays
) -> tuple[dict[int, Match], set[int]]:
    """Return the match of each slot that the user's mapping names, and the slots that keep their weights.

    Raises:
        ArgumentError: there is no such layer or module, or they do not fit each other.
    """
    matches: dict[int, Match] = {}
    unchanged: set[int] = set()
    for layer, value in mapping.items():
        numbers = slots_of_layer(layer, slots)
        if value is None or value == "":
            unchanged |= {*numbers}
        elif len(numbers) > 1:
            inner = ", ".join(slots[number].name for number in numbers)
            raise ArgumentError(
                f"Expected mapping= to name layers that take one module; {layer!r} has several: {inner}."
            )
        else:
            matches[numbers[0]] = _match(layer, value, slots[numbers[0]], available)
    used = [unit for match in matches.values() for unit in match.units]
    if len(used) > len({*used}):
        raise ArgumentError("Expected mapping= to name each module or array once.")
    return matches, unchanged


def match_by_name(slots: Sequence[WeightSlot], available: AvailableArrays) -> dict[int, Match]:
    """Match slots to modules of the same name, with "_" or "/" for "."; automatic Keras names do not count."""
    units = {_normalized(group.prefix): unit for unit, group in enumerate(available.groups)}
    matches = {}
    for number, slot in enumerate(slots):
        unit = units.get(_normalized(slot.name))
        match = available.match_all(slot, [unit]) if unit is not None and not _has_automatic_name(slot) else None
        if match is not None:
            matches[number] = match
    return matches


def _normalized(name: str) -> str:
    return re.sub(r"[./]", "_", name)


def _has_automatic_name(slot: WeightSlot) -> bool:
    """Return whether Keras may have chosen the name: "conv2d_1" of a Conv2D."""
    class_name = re.sub(r"(?<=[a-z\d])(?=[A-Z])", "_", type(slot.node.layer).__name__).lower()
    layer_name = slot.node.name.rpartition("/")[2]
    return re.sub(r"_\d+$", "", layer_name).replace("_", "") == class_name.replace("_", "")


def slots_of_layer(name: str, slots: Sequence[WeightSlot]) -> list[int]:
    """Return the numbers of the slots that a name in a mapping refers to.

    Raises:
        ArgumentError: it refers to none.
    """
    for refers in (
        lambda slot: slot.name == name,
        lambda slot: slot.node.name == name or slot.node.name.endswith(f"/{name}"),
    ):
        numbers = [number for number, slot in enumerate(slots) if refers(slot)]
        if numbers:
            return numbers
    names = ", ".join(slot.name for slot in slots)
    raise ArgumentError(f"Expected mapping= to name layers with weights, received {name!r}; they are {names}.")


def _match(layer: str, value: str | Sequence[str], slot: WeightSlot, available: AvailableArrays) -> Match:
    units = [_unit(name, available) for name in _unit_names(value, available)]
    match = available.match_all(slot, units)
    if match is None:
        received = ", ".join(available.descriptions(units))
        expected = " or ".join(map(str, slot.layouts))
        raise ArgumentError(f"mapping= assigns {received} to {layer!r}; expected {expected}.")
    return match


def _unit_names(value: str | Sequence[str], available: AvailableArrays) -> Sequence[str]:
    if not isinstance(value, str):
        return value
    return [value] if available.groups else value.split(",")


def _unit(name: str, available: AvailableArrays) -> int:
    unit = available.unit(name)
    if unit is None:
        kind = "modules" if available.groups else "arrays"
        every = ", ".join(available.descriptions(range(len(available))))
        raise ArgumentError(f"Expected mapping= to name {kind} of the file, received {name!r}; they are {every}.")
    return unit
