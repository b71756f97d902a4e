"""Assign arrays, wherever they come from, to the layers of a `Model`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import Layer, Model

Arrays = Mapping[str, Sequence[Array]]
"""The arrays of each layer in the order of the file, trainable ones first, by the name of the layer."""

_NOT_TRAINABLE = ("moving_mean", "moving_variance", "running_mean", "running_std", "mean", "variance", "count")


def with_weights(model: Model, arrays: Arrays) -> Model:
    """Return the model with weights: by name if the names of all layers match, else in order, as Keras does.

    Raises:
        LegacyFileError: weights are missing, or do not fit.
    """
    missing = _layers_without_arrays(model, arrays)
    if not missing:
        return _assign_by_name(model, arrays)
    layers = [layer for layer in model.layers.values() if _num_weights(layer)]
    sources = [source for source in arrays.values() if len(source)]
    if len(layers) != len(sources):
        layers = list(leaf_layers(model))
    if len(layers) != len(sources):
        raise LegacyFileError(
            f"expected the weights of {len(layers)} layers, received those of {len(sources)}; no names in the file "
            f"match {', '.join(map(str, missing[:5]))}."
        )
    return _assign_by_name(model, dict(zip((layer.name for layer in layers), sources, strict=True)))


def leaf_layers(model: Model) -> Iterator[Layer]:
    """Yield the layers that have weights, those of nested models included."""
    for layer in model.layers.values():
        if layer.model is not None:
            yield from leaf_layers(layer.model)
        elif layer.weight_names:
            yield layer


def _num_weights(layer: Layer) -> int:
    if layer.model is None:
        return len(layer.weight_names)
    return sum(len(leaf.weight_names) for leaf in leaf_layers(layer.model))


def _layers_without_arrays(model: Model, arrays: Arrays) -> list[Layer]:
    """Return the layers whose names have no arrays; a nested model has them under its own name or its layers'."""
    missing: list[Layer] = []
    for layer in model.layers.values():
        if _num_weights(layer) and not arrays.get(layer.name):
            missing += _layers_without_arrays(layer.model, arrays) if layer.model else [layer]
    return missing


def _assign_by_name(model: Model, arrays: Arrays) -> Model:
    layers = {name: _assign(layer, arrays) for name, layer in model.layers.items()}
    return replace(model, layers=layers)


def _assign(layer: Layer, arrays: Arrays) -> Layer:
    own = arrays.get(layer.name, ())
    if layer.model is not None:
        return replace(layer, model=_assign_by_name(layer.model, _split(layer, layer.model, own) if own else arrays))
    return layer_with_weights(layer, own) if layer.weight_names else layer


def layer_with_weights(layer: Layer, arrays: Sequence[Array]) -> Layer:
    """Return the layer with the weights that these arrays of the file contain.

    Raises:
        LegacyFileError: the arrays do not fit the layer.
    """
    shapes = ", ".join(str(array.shape) for array in arrays)
    if len(arrays) != len(layer.weight_names):
        raise LegacyFileError(
            f"layer {layer} has the weights {', '.join(layer.weight_names)}; the file has {shapes or 'none'}."
        )
    try:
        parts = layer.arrange(list(arrays))
    except (ValueError, IndexError, TypeError) as error:
        raise LegacyFileError(f"the arrays {shapes} do not fit layer {layer}: {error}.") from error
    weights = tuple(tuple(np.asarray(array) for array in part) for part in parts)
    return replace(layer, arrays=tuple(arrays), weights=weights)


def _split(layer: Layer, model: Model, arrays: Sequence[Array]) -> dict[str, list[Array]]:
    """Split the arrays of a nested model: first the trainable ones of all its layers, then the others."""
    leaves = list(leaf_layers(model))
    expected = sum(len(leaf.weight_names) for leaf in leaves)
    if len(arrays) != expected:
        raise LegacyFileError(f"the nested model {layer} has {expected} arrays; the file has {len(arrays)}.")
    remaining = iter(arrays)
    split: list[dict[str, Array]] = [{} for _ in leaves]
    for trainable in (True, False):
        for leaf, by_name in zip(leaves, split, strict=True):
            names = [name for name in leaf.weight_names if (leaf.trainable and name not in _NOT_TRAINABLE) == trainable]
            by_name.update({name: next(remaining) for name in names})
    return {
        leaf.name: [by_name[name] for name in leaf.weight_names] for leaf, by_name in zip(leaves, split, strict=True)
    }
