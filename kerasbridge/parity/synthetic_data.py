"""Child side: synthetic data of a model's shapes, the same on every backend."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.random import generator
from kerasbridge.subjects.inspection import BINARY_LOSSES, CLASS_LOSSES, ONE_HOT_LOSSES, loss_names

ROWS = 512


def for_model(model: Any, seed: int, rows: int = ROWS) -> tuple[Any, Any]:
    """Return (x, y) of `rows` rows: numbers in [0, 1), token ids for embeddings, targets of the form the losses expect.

    Raises:
        DataError: the shapes of the model's inputs are unknown.
    """
    inputs, outputs = _inputs_and_outputs(model)
    tokens = vocabulary_size(model)
    data = _Generator(seed, rows)
    x = _map_by_name(lambda tensor: data.input(tensor, tokens), inputs)
    losses = dict(zip(map(id, keras.tree.flatten(outputs)), loss_names(model, outputs), strict=True))
    y = _map_by_name(lambda tensor: data.target(tensor, losses[id(tensor)]), outputs)
    return x, y


def _map_by_name(function: Callable[[Any], Any], nest: Any) -> Any:
    """Apply a function to each tensor of a nest, to entries in the order of their names.

    `keras.tree.map_structure` takes the entries of a dict in the order of the names, but on torch in that of the dict.
    """
    kind: Any = type(nest)
    if isinstance(nest, Mapping):
        mapped = {key: _map_by_name(function, nest[key]) for key in sorted(nest)}
        return kind((key, mapped[key]) for key in nest)
    if isinstance(nest, list | tuple):
        parts = [_map_by_name(function, each) for each in nest]
        return kind(*parts) if hasattr(nest, "_fields") else kind(parts)
    return function(nest)


def wants_classes(model: Any) -> bool:
    """Return whether the loss of a model with a single output takes classes."""
    return loss_names(model, [None])[0] in CLASS_LOSSES + ONE_HOT_LOSSES


def as_targets(model: Any, labels: Any) -> Any:
    """Return class numbers in the form that the model's loss expects: unchanged or one-hot."""
    (loss,) = loss_names(model, [None])
    return np.eye(model.output_shape[-1])[labels] if loss in ONE_HOT_LOSSES else labels


def _inputs_and_outputs(model: Any) -> tuple[Any, Any]:
    """Return the model's inputs and outputs as nests of symbolic tensors."""
    if isinstance(model, keras.Sequential) and model.built:
        return model.inputs[0], model.outputs[0]
    try:
        return model.input, model.output
    except (AttributeError, ValueError) as error:
        raise DataError(
            f"Expected data for {type(model).__name__}, whose inputs have no known shapes. "
            "Pass an .npz file with x and y (--data FILE.npz), or return (model, x, y) from a script."
        ) from error


class _Generator:
    """Generates one array after another from a seed."""

    def __init__(self, seed: int, rows: int) -> None:
        self._seed, self._rows, self._count = seed, rows, 0

    def input(self, tensor: Any, tokens: int) -> Any:
        shape = self._shape(tensor)
        if "int" in tensor.dtype:
            return (self._uniform(shape) * tokens).astype("int32")
        return self._uniform(shape)

    def target(self, tensor: Any, loss: str) -> Any:
        shape = self._shape(tensor)
        classes = (self._uniform(shape[:-1]) * shape[-1]).astype("int32")
        if loss in CLASS_LOSSES:
            return classes
        if loss in ONE_HOT_LOSSES:
            return np.eye(shape[-1])[classes]
        if loss in BINARY_LOSSES:
            return (self._uniform(shape) > 0.5).astype("float64")
        return self._uniform(shape)

    def _uniform(self, shape: tuple[int, ...]) -> Any:
        self._count += 1
        return generator.uniform(self._seed, self._count, shape)

    def _shape(self, tensor: Any) -> tuple[int, ...]:
        if None in tensor.shape[1:]:
            raise DataError(
                f"Expected data for a model with the shape {tensor.shape}, in which a length is unknown. "
                "Pass an .npz file with x and y (--data FILE.npz)."
            )
        return (self._rows, *tensor.shape[1:])


def vocabulary_size(model: Any) -> int:
    """Return the size of the smallest vocabulary of the model's embeddings; 2 without an embedding."""
    sizes = [layer.input_dim for layer in flatten_layers(model) if isinstance(layer, keras.layers.Embedding)]
    return min(sizes, default=2)
