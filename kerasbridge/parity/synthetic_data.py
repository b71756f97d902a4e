"""Child side: numbers drawn to fit a model for which nobody gave data; the same on every backend."""

from typing import Any

import numpy as np

from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.random import generator

ROWS = 512
_CLASS_LOSSES = ("sparse_categorical_crossentropy",)
_ONE_HOT_LOSSES = ("categorical_crossentropy", "categorical_focal_crossentropy")
_ZERO_ONE_LOSSES = ("binary_crossentropy", "binary_focal_crossentropy")


def for_model(model: Any, seed: int, rows: int = ROWS) -> tuple[Any, Any]:
    """(x, y) of `rows` rows: numbers in [0, 1), words of the smallest embedding, classes as the losses want them.

    Raises:
        DataError: the model does not say what it takes.
    """
    inputs, outputs = _ends(model)
    words = vocabulary(model)
    draw = _Draw(seed, rows)
    x = keras.tree.map_structure(lambda tensor: draw.input(tensor, words), inputs)
    losses = _loss_names(model, outputs)
    y = keras.tree.map_structure(lambda tensor: draw.target(tensor, losses.pop(0)), outputs)
    return x, y


def wants_classes(model: Any) -> bool:
    """Return whether the loss of the model's one output is of classes."""
    return _loss_names(model, [None])[0] in _CLASS_LOSSES + _ONE_HOT_LOSSES


def as_targets(model: Any, labels: Any) -> Any:
    """Class numbers as the model's loss wants them: as they are, or one-hot."""
    (loss,) = _loss_names(model, [None])
    return np.eye(model.output_shape[-1])[labels] if loss in _ONE_HOT_LOSSES else labels


def _ends(model: Any) -> tuple[Any, Any]:
    """What goes in and what comes out, as nests of symbolic tensors."""
    if isinstance(model, keras.Sequential) and model.built:
        return model.inputs[0], model.outputs[0]
    try:
        return model.input, model.output
    except (AttributeError, ValueError) as error:
        raise DataError(
            f"Expected data for {type(model).__name__}, which does not say what it takes. "
            "Give an .npz file with x and y (--data FILE.npz), or return (model, x, y) from a script."
        ) from error


class _Draw:
    """Draws one array after another."""

    def __init__(self, seed: int, rows: int) -> None:
        self._seed, self._rows, self._count = seed, rows, 0

    def input(self, tensor: Any, words: int) -> Any:
        shape = self._shape(tensor)
        if "int" in tensor.dtype:
            return (self._uniform(shape) * words).astype("int32")
        return self._uniform(shape)

    def target(self, tensor: Any, loss: str) -> Any:
        shape = self._shape(tensor)
        classes = (self._uniform(shape[:-1]) * shape[-1]).astype("int32")
        if loss in _CLASS_LOSSES:
            return classes
        if loss in _ONE_HOT_LOSSES:
            return np.eye(shape[-1])[classes]
        if loss in _ZERO_ONE_LOSSES:
            return (self._uniform(shape) > 0.5).astype("float64")
        return self._uniform(shape)

    def _uniform(self, shape: tuple[int, ...]) -> Any:
        self._count += 1
        return generator.uniform(self._seed, self._count, shape)

    def _shape(self, tensor: Any) -> tuple[int, ...]:
        if None in tensor.shape[1:]:
            raise DataError(
                f"Expected data for a model whose shape {tensor.shape} leaves a length open. "
                "Give an .npz file with x and y (--data FILE.npz)."
            )
        return (self._rows, *tensor.shape[1:])


def vocabulary(model: Any) -> int:
    """How many words every embedding of the model knows."""
    sizes = [layer.input_dim for layer in flatten_layers(model) if isinstance(layer, keras.layers.Embedding)]
    return min(sizes, default=2)


def _loss_names(model: Any, outputs: Any) -> list[str]:
    """The name of each output's compiled loss; "" where it is no loss of its own."""
    count = len(keras.tree.flatten(outputs))
    given = getattr(model, "loss", None)
    if isinstance(given, dict) and set(given) == set(getattr(model, "output_names", ())):
        given = [given[name] for name in model.output_names]
    names = [_name(loss) for loss in keras.tree.flatten(given)] if given is not None else []
    return (names * count if len(names) == 1 else names + [""] * count)[:count]


def _name(loss: Any) -> str:
    found = keras.losses.get(loss)
    return str(getattr(getattr(found, "fn", found), "__name__", ""))
