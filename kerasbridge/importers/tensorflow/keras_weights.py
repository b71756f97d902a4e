"""Find the weights of Keras layers among the objects of a SavedModel."""

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
"""The objects that are a layer's weights, in the layer's order, by the layer's name; nested for a nested model."""

_LAYER_NAME = re.compile(r"layer(_with_weights)?-\d+")
_RNG_STATE = re.compile(r"(.*/)?StateVar(:0)?")
"""The state of a random generator, which Keras 2 counts among the weights of a dropout layer."""

_WRAPPED = {"cell": "", "layer": "", "forward_layer": "forward_", "backward_layer": "backward_"}
"""The attributes of wrappers that are layers, and the prefix of the names of these layers' weights."""


@dataclass(frozen=True)
class WeightFinder:
    """Finds the weights of layers.

    Args:
        tree: the objects.
        metadata: of the objects.
    """

    tree: ObjectTree
    metadata: KerasMetadata

    def find(self, model: Model, index: int) -> WeightIds:
        """Return the weights of each layer of a model, which is the object with this index.

        Raises:
            LegacyFileError: the objects do not match the model.
        """
        objects = {str(self.metadata.config(child).get("name")): child for child in self._layers(index)}
        weights: dict[str, list[int] | WeightIds] = {}
        for name, layer in model.layers.items():
            if layer.model is None and not layer.weight_names:
                continue
            if name not in objects:
                raise LegacyFileError(f"layer {layer} is not among the objects.")
            if layer.model is None:
                weights[name] = self._weights(layer, objects[name])
            else:
                # The model itself, or the one that TimeDistributed calls for each step.
                weights[name] = self.find(layer.model, self.tree.children(objects[name]).get("layer", objects[name]))
        return weights

    def _layers(self, index: int) -> set[int]:
        """Return the objects of a model's layers."""
        children = self.tree.children(index)
        listed = self.tree.children(children["keras_api"]).get("layers") if "keras_api" in children else None
        numbered = {child for name, child in children.items() if _LAYER_NAME.fullmatch(name)}
        return numbered | {*(self.tree.list_items(listed) if listed is not None else ())}

    def _weights(self, layer: Layer, index: int) -> list[int]:
        """Return the weights of a layer in their order: its list of variables, which has to agree with their names."""
        named = dict(self._named(index, "", 0))
        listed = self.tree.children(index).get("variables")
        items = self.tree.list_items(listed) if listed is not None else []
        weights = [item for item in items if not _RNG_STATE.fullmatch(self.tree.nodes[item].variable.name)]
        if not weights and all(name in named for name in layer.weight_names):  # Normalization
            return [named[name] for name in layer.weight_names]
        if len(weights) != len(layer.weight_names):
            raise LegacyFileError(
                f"layer {layer} should have {len(layer.weight_names)} weights, and has {len(weights)}."
            )
        if any(named.get(name, item) != item for name, item in zip(layer.weight_names, weights, strict=True)):
            raise LegacyFileError(f"the weights of layer {layer} are not in the order of Keras.")
        return weights

    def _named(self, index: int, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
        """Yield the names of the weights of a layer and of the layers that it wraps."""
        for name, child in self.tree.children(index).items():
            if name in _WRAPPED and depth < len(_WRAPPED):
                yield from self._named(child, prefix + _WRAPPED[name], depth + 1)
            else:
                yield prefix + name, child


def with_weights(model: Model, weight_ids: WeightIds, objects: SavedObjects) -> Model:
    """Return the model with its weights.

    Raises:
        LegacyFileError: they are missing, damaged, or do not fit.
    """
    layers = {name: _layer_with_weights(layer, weight_ids.get(name), objects) for name, layer in model.layers.items()}
    return replace(model, layers=layers)


def _layer_with_weights(layer: Layer, weight_ids: list[int] | WeightIds | None, objects: SavedObjects) -> Layer:
    if weight_ids is None:
        return layer
    if isinstance(weight_ids, list):
        return assign_weights.layer_with_weights(layer, [objects.array(index) for index in weight_ids])
    assert layer.model is not None
    return replace(layer, model=with_weights(layer.model, weight_ids, objects))
