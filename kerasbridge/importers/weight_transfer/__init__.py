"""Load weights into an existing Keras model: everything is matched and checked before any variable is set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.report import WeightAssignment
from kerasbridge.importers.weight_transfer import matcher
from kerasbridge.importers.weight_transfer.available_arrays import Match
from kerasbridge.importers.weight_transfer.collect_slots import collect_slots
from kerasbridge.importers.weight_transfer.mapping import AS_STORED, MappingValue, slots_of_layer, split_as_stored
from kerasbridge.importers.weight_transfer.matcher import Matching
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slots import WeightSlot

DEFAULT_EPSILON = {"pytorch": ("PyTorch's", 1e-5), "tensorflow": ("TensorFlow's", 1e-3)}


@dataclass(frozen=True)
class Plan:
    """The values to set in a model.

    Args:
        values: each variable of the model, and its new value.
        assignments: the same, for the report.
        notes: notes for the report.
        layers_to_finalize: Keras preprocessing layers that compute constants from their weights.
    """

    values: tuple[tuple[Any, Array], ...]
    assignments: tuple[WeightAssignment, ...]
    notes: tuple[str, ...] = ()
    layers_to_finalize: tuple[Any, ...] = ()

    def apply(self) -> None:
        """Set the variables."""
        for variable, value in self.values:
            variable.assign(value)
        for layer in self.layers_to_finalize:
            layer.finalize_state()


def plan(parameters: Parameters, model: Any, mapping: Mapping[str, MappingValue]) -> Plan:
    """Return which weights of a file go to which layer of a model, without changing the model.

    Args:
        parameters: the content of the file.
        model: a built Keras model.
        mapping: the user's mapping from names of layers to modules or arrays; the other layers are matched.

    Raises:
        LegacyFileError: the file does not fit the model, or fits it in more than one way.
        ArgumentError: the model is not built or has layers whose weights cannot be set, or the mapping is wrong.
    """
    modules, as_stored = split_as_stored(mapping)
    slots = collect_slots(model, parameters, as_stored)
    for layer in as_stored:
        slots_of_layer(layer, slots)
    matching = matcher.match(slots, parameters, modules, model.name)
    values: list[tuple[Any, Array]] = []
    for slot, match in matching.matches:
        values += zip(slot.variables, _keras_values(slot, match, parameters), strict=True)
    assignments = tuple(_assignment(slot, match) for slot, match in matching.matches)
    return Plan(tuple(values), assignments, tuple(_notes(matching, parameters)))


def _keras_values(slot: WeightSlot, match: Match, parameters: Parameters) -> list[Array]:
    """Return the values of a slot's variables."""
    for name, array in zip(match.names, match.arrays, strict=True):
        if not np.isfinite(array).all():
            raise LegacyFileError(f"{parameters.file}: {name} has numbers that are not finite.")
    try:
        arrays = [np.ascontiguousarray(array) for array in match.layout.to_keras(*match.arrays)]
    except NotAssignable as error:
        raise LegacyFileError(f"{parameters.file} does not fit: layer {slot.name!r} {error}.") from error
    assert [array.shape for array in arrays] == [tuple(variable.shape) for variable in slot.variables]
    return arrays


def _assignment(slot: WeightSlot, match: Match) -> WeightAssignment:
    weights = tuple((variable.name, tuple(variable.shape)) for variable in slot.variables)
    arrays = tuple((name, array.shape) for name, array in zip(match.names, match.arrays, strict=True))
    return WeightAssignment(slot.name, type(slot.node.layer).__name__, weights, arrays)


def _notes(matching: Matching, parameters: Parameters) -> list[str]:
    notes = []
    if matching.unchanged:
        notes.append(f"not changed: {', '.join(slot.name for slot in matching.unchanged)}")
    if matching.unused:
        notes.append(f"not used by any layer: {', '.join(matching.unused)}")
    notes += [
        f"{slot.name}: its features are reordered, from images flattened channels first in the file to the order of "
        f"the model; mapping={{{slot.name!r}: {AS_STORED!r}}} keeps the order of the file"
        for slot, _ in matching.matches
        if slot.reordered
    ]
    owner, default = DEFAULT_EPSILON.get(parameters.convention, ("", None))
    unusual = _unusual_epsilons(matching, default) if default else []
    if unusual:
        notes.append(
            f"epsilon is the model's, as no file contains it: {', '.join(unusual)}; {owner} default is {default:g}"
        )
    return notes


def _unusual_epsilons(matching: Matching, default: float) -> list[str]:
    normalizations = [slot for slot, _ in matching.matches if slot.normalizes and hasattr(slot.node.layer, "epsilon")]
    return [
        f"{slot.name} {slot.node.layer.epsilon:g}"
        for slot in normalizations
        if not np.isclose(slot.node.layer.epsilon, default)
    ]
