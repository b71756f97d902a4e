"""Nested Python values as JSON data and arrays."""

from typing import Any

import numpy as np

from kerasbridge.keras_compat import keras

_ARRAY = "$array"
Arrays = dict[str, np.ndarray[Any, Any]]


def encode(value: Any, arrays: Arrays) -> Any:
    """Return a value as JSON data; arrays and tensors in it are added to `arrays` and replaced by their keys.

    Raises:
        TypeError: it contains an object that is no number, text, list, dict, array or tensor.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): encode(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item, arrays) for item in value]
    if isinstance(value, np.ndarray) or keras.ops.is_tensor(value) or isinstance(value, keras.Variable):
        key = f"{len(arrays)} value"
        arrays[key] = np.array(keras.ops.convert_to_numpy(value))
        return {_ARRAY: key}
    raise TypeError(f"a {type(value).__name__}")


def decode(data: Any, arrays: Arrays) -> Any:
    """Return the value that was encoded; tuples become lists."""
    if isinstance(data, list):
        return [decode(item, arrays) for item in data]
    if not isinstance(data, dict):
        return data
    if data.keys() == {_ARRAY}:
        return arrays[data[_ARRAY]]
    return {key: decode(item, arrays) for key, item in data.items()}
