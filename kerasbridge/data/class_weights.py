"""Class weights in every form that is in use, as Keras takes them: a dict of class numbers."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasbridge.data.arrays import are_arrays
from kerasbridge.data.numbers import to_numbers
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras


def class_weights(weights: Any, y: Any = None) -> dict[int, float] | None:
    """Return class weights as a dict; classes that it lacks have a weight of 1.

    Args:
        weights: a dict, an array with a weight per class, or "balanced" for weights that are inversely proportional
            to the number of samples of each class: samples / (classes * samples of the class).
        y: the labels, class numbers or one-hot, which "balanced" needs.

    Raises:
        ArgumentError: it has another form.
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        return _balanced(weights, y)
    if isinstance(weights, Mapping):
        return {_class(key): _weight(value) for key, value in weights.items()}
    if isinstance(weights, list | tuple) or are_arrays(weights):
        array = np.asarray(weights)
        if array.ndim == 1:
            return {number: _weight(weight) for number, weight in enumerate(array.tolist())}
    raise _error(weights)


def _balanced(word: str, y: Any) -> dict[int, float]:
    if word != "balanced":
        raise _error(word)
    if y is None or keras.tree.is_nested(y) or not are_arrays(y):
        raise ArgumentError(
            'Expected one array y with class_weight="balanced", which counts its labels; received none. Pass a dict '
            "{class number: weight}."
        )
    labels = to_numbers("y", keras.ops.convert_to_numpy(y) if keras.ops.is_tensor(y) else y)
    one_hot = labels.ndim > 1 and labels.shape[-1] > 1
    classes, counts = np.unique(labels.argmax(-1) if one_hot else labels, return_counts=True)
    equal_share = counts.sum() / len(classes)
    return {_class(each): float(equal_share / count) for each, count in zip(classes.tolist(), counts, strict=True)}


def _class(key: Any) -> int:
    """Return a class number; a text of digits, as in a JSON file, is one too."""
    number: Any = int(key) if isinstance(key, str) and key.strip().lstrip("+-").isdecimal() else key
    if isinstance(number, numbers.Real) and not isinstance(number, bool) and float(number).is_integer():
        return int(float(number))
    raise ArgumentError(
        f"Expected class_weight to be a dict {{class number: weight}}, received the key {key!r}. Use the numbers "
        "that y contains."
    )


def _weight(value: Any) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = math.nan
    if math.isfinite(weight):
        return weight
    raise ArgumentError(f"Expected the weights in class_weight to be finite numbers, received {value!r}.")


def _error(weights: Any) -> ArgumentError:
    return ArgumentError(
        "Expected class_weight to be a dict {class number: weight}, an array with a weight per class, or "
        f'"balanced"; received {weights!r}.'
    )
