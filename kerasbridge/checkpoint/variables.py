"""The variables of a run as host arrays, by position and path."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.errors import ArgumentError

_NUMBER = re.compile(r"_\d+(?=[/_]|$)")
Array = np.ndarray[Any, Any]


def by_key(variables: Iterable[Any]) -> dict[str, Any]:
    """Return the variables, each once, by position and path: "3 dense/kernel".

    Numbers that Keras appends to names, as in "dense_1", are left out: they count the layers of the process.
    """
    unique = list({id(variable): variable for variable in variables}.values())
    return {f"{position} {_NUMBER.sub('', variable.path)}": variable for position, variable in enumerate(unique)}


def read(
    engine: Engine, variables: Mapping[str, Any], copies: Mapping[str, Array] = MappingProxyType({})
) -> dict[str, Array]:
    """Return a copy of the values on the host.

    Args:
        engine: the engine of the run.
        variables: the variables by key.
        copies: arrays of an earlier call, which are written into. New memory for hundreds of megabytes can take more
            time than the copy.
    """
    return {key: _copy(engine.to_numpy(engine.read(each.value)), copies.get(key)) for key, each in variables.items()}


def assign(variables: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Assign each variable its array.

    Raises:
        ArgumentError: the variables are others than those of the arrays; nothing is assigned.
    """
    problem = _difference(variables, arrays)
    if problem:
        raise ArgumentError(
            f"Expected the model and optimizers of the checkpoint to continue the run, found {problem}. Build and "
            "compile the model as at the start of the run, or choose another run_dir."
        )
    for key, array in arrays.items():
        variables[key].assign(array.astype(variables[key].dtype))


def _copy(array: Array, into: Array | None) -> Array:
    if into is None or (into.shape, into.dtype) != (array.shape, array.dtype):
        return np.array(array, order="C")
    np.copyto(into, array)
    return into


def _difference(variables: Mapping[str, Any], arrays: Mapping[str, Array]) -> str | None:
    found = [f"no variable {key!r}" for key in sorted(arrays.keys() - variables.keys())]
    found += [f"a new variable {key!r}" for key in sorted(variables.keys() - arrays.keys())]
    if found:
        return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    for key, array in arrays.items():
        if tuple(variables[key].shape) != array.shape:
            return f"shape {tuple(variables[key].shape)} instead of {array.shape} for {key!r}"
    return None
