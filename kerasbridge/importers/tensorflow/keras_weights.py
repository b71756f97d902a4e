"""Where the weights of Keras's layers are among the objects of a SavedModel."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, Union

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files import assign_weights
from kerasbridge.importers.keras_files.ir import Layer, Model
from kerasbridge.importers.tensorflow.keras_metadata import KerasMetadata
from kerasbridge.importers.tensorflow.object_graph import ObjectTree, SavedObjects

WeightIds: TypeAlias = Mapping[str, Union[list[int], "WeightIds"]]
"""By the name of each layer that has weights the objects that these are, in the layer's order; of a model within a
model those of its layers."""

_LAYER_NAME = re.compile(r"layer(_with_weights)?-\d+")
_RNG_STATE = re.compile(r"(.*/)?StateVar(:0)?")
"""The state of a generator of random numbers, which Keras 2 counts among the weights of a dropout."""

_WRAPPED = {"cell": "", "layer": "", "forward_layer": "forward_", "backward_layer": "backward_"}
"""What layers that hold others call these, and what the names of the weights of these begin with."""


@dataclass(frozen=True)
class WeightFinder:
    """Finds the weights of layers.

    Args:
        tree: the objects.
        notes: what Keras noted of them.
    """

    tree: ObjectTree
    notes: KerasMetadata

    def places(self, model: Model, place: int) -> WeightIds:
        """Where the weights of a model are that is the object at a place.

        Raises:
            LegacyFileError: the objects are not those of the model.
        """
        there = {str(self.notes.of(child).get("name")): child for child in self._layers(place)}
        found: dict[str, list[int] | WeightIds] = {}
        for name, layer in model.layers.items():
            if layer.model is None and not layer.names:
                continue
            if name not in there:
                raise LegacyFileError(f"layer {layer} is not among the objects.")
            inner = self._model_within(layer, there[name])
            found[name] = self._weights(layer, inner) if layer.model is None else self.places(layer.model, inner)
        return found

    def _layers(self, place: int) -> set[int]:
        """The objects of a model's layers."""
        held = self.tree.children(place)
        listed = self.tree.children(held["keras_api"]).get("layers") if "keras_api" in held else None
        numbered = {child for name, child in held.items() if _LAYER_NAME.fullmatch(name)}
        return numbered | {*(self.tree.row(listed) if listed is not None else ())}

    def _model_within(self, layer: Layer, place: int) -> int:
        """The object of a model that a layer is, or that it calls for every step of time."""
        return self.tree.children(place).get("layer", place) if layer.model is not None else place

    def _weights(self, layer: Layer, place: int) -> list[int]:
        """The weights of a layer in their order: those that it lists, and those that it names so, which agree."""
        named = dict(self._named(place, "", 0))
        listed = self.tree.children(place).get("variables")
        row = self.tree.row(listed) if listed is not None else []
        found = [one for one in row if not _RNG_STATE.fullmatch(self.tree.nodes[one].variable.name)]
        if not found and all(name in named for name in layer.names):  # Normalization
            return [named[name] for name in layer.names]
        if len(found) != len(layer.names):
            raise LegacyFileError(f"layer {layer} should have {len(layer.names)} weights, and has {len(found)}.")
        if any(named.get(name, one) != one for name, one in zip(layer.names, found, strict=True)):
            raise LegacyFileError(f"the weights of layer {layer} come in an order that is not Keras's.")
        return found

    def _named(self, place: int, before: str, depth: int) -> Iterator[tuple[str, int]]:
        """What a layer, and the layers that it holds, call their weights."""
        for name, child in self.tree.children(place).items():
            if name in _WRAPPED and depth < len(_WRAPPED):
                yield from self._named(child, before + _WRAPPED[name], depth + 1)
            else:
                yield before + name, child


def with_weights(model: Model, places: WeightIds, objects: SavedObjects) -> Model:
    """The model with its weights.

    Raises:
        LegacyFileError: they are missing, damaged, or do not fit.
    """
    layers = {name: _layer_with_weights(layer, places.get(name), objects) for name, layer in model.layers.items()}
    return replace(model, layers=layers)


def _layer_with_weights(layer: Layer, places: list[int] | WeightIds | None, objects: SavedObjects) -> Layer:
    if places is None:
        return layer
    if isinstance(places, list):
        return assign_weights.layer_with_weights(layer, [objects.array(place) for place in places])
    assert layer.model is not None
    return replace(layer, model=with_weights(layer.model, places, objects))
