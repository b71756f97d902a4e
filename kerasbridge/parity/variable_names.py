"""Child side: names for the variables of a model and for the arrays of its data."""

from collections.abc import Iterable, Iterator
from typing import Any

from kerasbridge.data.arrays import Arrays
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import path_name


def variable_names(variables: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return each variable with its path as its name; further variables with the same path get " (2)" and so on."""
    counts: dict[str, int] = {}
    named = []
    for variable in variables:
        count = counts[variable.path] = counts.get(variable.path, 0) + 1
        named.append((f"{variable.path} ({count})" if count > 1 else variable.path, variable))
    return named


def array_names(data: Arrays) -> Iterator[tuple[str, Any]]:
    """Yield each array of x and y with its name, such as "x" or "x['image']"."""
    for name, nest in zip(("x", "y"), data.nest, strict=False):
        for path, leaf in keras.tree.flatten_with_path(nest):
            yield name + path_name(path), leaf
