"""Weights alone onto a Keras model that is there: all is matched, computed and checked before anything is set."""

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
from kerasbridge.importers.weight_transfer.mapping import MappingValue
from kerasbridge.importers.weight_transfer.matcher import Matching
from kerasbridge.importers.weight_transfer.model_graph import NotAssignable
from kerasbridge.importers.weight_transfer.slots import WeightSlot

_EPSILON = {"pytorch": ("PyTorch's", 1e-5), "tensorflow": ("TensorFlow's", 1e-3)}


@dataclass(frozen=True)
class Plan:
    """What will be set.

    Args:
        values: each variable of the model and its new value.
        placements: the same, for a person.
        notes: what else there is to know.
        finished: layers of Keras's that compute with constants which they make of their weights.
    """

    values: tuple[tuple[Any, Array], ...]
    placements: tuple[WeightAssignment, ...]
    notes: tuple[str, ...] = ()
    layers_to_finalize: tuple[Any, ...] = ()

    def apply(self) -> None:
        """Set the variables."""
        for variable, value in self.values:
            variable.assign(value)
        for layer in self.layers_to_finalize:
            layer.finalize_state()


def plan(parameters: Parameters, model: Any, mapping: Mapping[str, MappingValue]) -> Plan:
    """What of a file goes where in a model.

    Args:
        parameters: what the file holds.
        model: a built Keras model; nothing in it is changed.
        mapping: by the name of a layer what it takes, in a person's word; the rest is found.

    Raises:
        LegacyFileError: the file does not fit the model, or fits it in more than one way.
        ArgumentError: the model is not built or has layers that are unknown, or mapping names what is not there.
    """
    found = matcher.match(collect_slots(model, parameters), parameters, mapping, model.name)
    values: list[tuple[Any, Array]] = []
    placements = []
    for part, match in found.matches:
        arrays = _arranged(part, match, parameters)
        values += zip(part.variables, arrays, strict=True)
        placements.append(_placement(part, match))
    return Plan(tuple(values), tuple(placements), tuple(_notes(found, parameters)))


def _arranged(part: WeightSlot, match: Match, parameters: Parameters) -> list[Array]:
    """The values of a part's variables."""
    for name, array in zip(match.names, match.arrays, strict=True):
        if not np.isfinite(array).all():
            raise LegacyFileError(f"{parameters.file}: {name} has numbers that are not finite.")
    try:
        arrays = [np.ascontiguousarray(array) for array in match.layout.to_keras(*match.arrays)]
    except NotAssignable as error:
        raise LegacyFileError(f"{parameters.file} does not fit: layer {part.name!r} {error}.") from error
    assert [array.shape for array in arrays] == [tuple(one.shape) for one in part.variables]
    return arrays


def _placement(part: WeightSlot, match: Match) -> WeightAssignment:
    weights = tuple((variable.name, tuple(variable.shape)) for variable in part.variables)
    arrays = tuple((name, array.shape) for name, array in zip(match.names, match.arrays, strict=True))
    return WeightAssignment(part.name, type(part.place.layer).__name__, weights, arrays)


def _notes(found: Matching, parameters: Parameters) -> list[str]:
    notes = []
    if found.left:
        notes.append(f"left as they are: {', '.join(part.name for part in found.left)}")
    if found.unused:
        notes.append(f"in the file, but for no layer: {', '.join(found.unused)}")
    owner, usual = _EPSILON.get(parameters.convention, ("", None))
    other = [
        f"{part.name} {part.place.layer.epsilon:g}"
        for part, _ in found.matches
        if usual and part.normalizes and not np.isclose(getattr(part.place.layer, "epsilon", usual), usual)
    ]
    if other:
        notes.append(
            f"epsilon is the model's, and no file holds it: {', '.join(other)}; {owner} is {usual:g} unless its "
            "program says otherwise"
        )
    return notes
