"""Weights for the layers of a `Model`, from arrays by the names of layers, wherever these come from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import Layer, Model

Arrays = Mapping[str, Sequence[Array]]
"""By the name of each layer its arrays, in the order of the file: those that are trained first."""

_NOT_TRAINED = ("moving_mean", "moving_variance", "running_mean", "running_std", "mean", "variance", "count")


def with_weights(model: Model, arrays: Arrays) -> Model:
    """The model with weights: by name where all layers are there by name, else in order, as Keras does.

    Raises:
        LegacyFileError: some layer's are missing, or do not fit.
    """
    held = {name: list(each) for name, each in arrays.items()}
    if not _lacking(model, held):
        return _by_name(model, held)
    layers = [layer for layer in model.layers.values() if _count(layer)]
    filled = [each for each in held.values() if each]
    if len(layers) != len(filled):
        layers = list(leaf_layers(model))
    if len(layers) != len(filled):
        raise LegacyFileError(
            f"the weights are of {len(filled)} layers, the model has {len(layers)} that take some; by their names "
            f"{', '.join(map(str, _lacking(model, held)[:5]))} would have none."
        )
    return _by_name(model, dict(zip((layer.name for layer in layers), filled, strict=True)))


def leaf_layers(model: Model) -> Iterator[Layer]:
    """The layers that have weights of their own, those of models within too."""
    for layer in model.layers.values():
        if layer.model is not None:
            yield from leaf_layers(layer.model)
        elif layer.names:
            yield layer


def _count(layer: Layer) -> int:
    """How many arrays it has."""
    return sum(len(leaf.names) for leaf in leaf_layers(layer.model)) if layer.model else len(layer.names)


def _lacking(model: Model, held: Arrays) -> list[Layer]:
    """The layers whose arrays are not there by name; those of a model within may be there by their own."""
    found: list[Layer] = []
    for layer in model.layers.values():
        if _count(layer) and not held.get(layer.name):
            found += _lacking(layer.model, held) if layer.model else [layer]
    return found


def _by_name(model: Model, held: Arrays) -> Model:
    layers = {name: _with_weights(layer, held) for name, layer in model.layers.items()}
    return replace(model, layers=layers)


def _with_weights(layer: Layer, held: Arrays) -> Layer:
    if layer.model is not None:
        own = held.get(layer.name)
        within = _by_name(layer.model, _shared_out(layer, own) if own else held)
        return replace(layer, model=within)
    return layer_with_weights(layer, held.get(layer.name, ())) if layer.names else layer


def layer_with_weights(layer: Layer, arrays: Sequence[Array]) -> Layer:
    """The layer with the weights that its arrays in the file make.

    Raises:
        LegacyFileError: they are not what it has.
    """
    if len(arrays) != len(layer.names):
        shapes = ", ".join(str(array.shape) for array in arrays) or "none"
        raise LegacyFileError(f"layer {layer} has the arrays {', '.join(layer.names)}; in the file are {shapes}.")
    try:
        parts = layer.arrange(list(arrays))
    except (ValueError, IndexError, TypeError) as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise LegacyFileError(f"the arrays {shapes} of layer {layer} do not fit it: {error}.") from error
    weights = tuple(tuple(np.asarray(one) for one in part) for part in parts)
    return replace(layer, arrays=tuple(arrays), weights=weights)


def _shared_out(layer: Layer, arrays: Sequence[Array]) -> dict[str, list[Array]]:
    """The arrays of a model within a model, by its layers: of all what is trained, then of all what is not."""
    assert layer.model is not None
    within = list(leaf_layers(layer.model))
    if len(arrays) != sum(len(leaf.names) for leaf in within):
        expected = sum(len(leaf.names) for leaf in within)
        raise LegacyFileError(
            f"the model {layer} within the model has {expected} arrays; in the file are {len(arrays)}."
        )
    rest = iter(arrays)
    found: list[dict[str, Array]] = [{} for _ in within]
    for trained in (True, False):
        for leaf, mine in zip(within, found, strict=True):
            mine.update({name: next(rest) for name in leaf.names if _is_trained(leaf, name) == trained})
    return {leaf.name: [mine[name] for name in leaf.names] for leaf, mine in zip(within, found, strict=True)}


def _is_trained(layer: Layer, name: str) -> bool:
    return layer.trainable and name not in _NOT_TRAINED
