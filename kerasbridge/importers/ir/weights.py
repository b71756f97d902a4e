"""Weights without an architecture, by their names in the file.

Importers create `Parameters` without Keras; `weight_transfer` copies them into a Keras model, for any format.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.report import LayerReport

Convention = Literal["pytorch", "lasagne", "tensorflow"]


@dataclass(frozen=True)
class Parameter:
    """An array and its name in the file."""

    name: str
    array: Array

    @property
    def prefix(self) -> str:
        """The name of its module: "layer1.0.conv1" for "layer1.0.conv1.weight"."""
        return self.name.rpartition(".")[0]

    @property
    def role(self) -> str:
        """Its role in the module: "weight" for "layer1.0.conv1.weight"."""
        return self.name.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.name} {self.array.shape}"


@dataclass(frozen=True)
class Group:
    """The arrays of one module, by their roles.

    Args:
        prefix: the name of the module.
        arrays: the arrays by their roles, such as "weight" and "bias".
        names: the names of arrays in the file, by their roles, where they are not the prefix, a dot and the role.
    """

    prefix: str
    arrays: dict[str, Array]
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, role: str) -> str:
        """Return the name of an array in the file."""
        return self.names.get(role) or f"{self.prefix}.{role}".lstrip(".")

    def __str__(self) -> str:
        shapes = ", ".join(f"{role} {array.shape}" for role, array in self.arrays.items())
        return f"{self.prefix or 'the outermost module'} ({shapes})"


@dataclass(frozen=True)
class Parameters:
    """The content of a file of weights.

    Args:
        file: the name of the file, for errors.
        convention: the framework whose weight layouts the arrays have.
        ungrouped: arrays whose names do not refer to modules; those of one layer follow each other.
        groups: arrays whose names refer to modules, by module; `ungrouped` or `groups` is empty.
        ordered: whether the arrays are in the order in which their layers were created; else they are sorted by name.
        flip_kernels: whether to flip kernels along height and width; None if unknown.
        flip_kernels_hint: the end of the error that is raised if it is needed but unknown.
    """

    file: str
    convention: Convention
    ungrouped: tuple[Parameter, ...] = ()
    groups: tuple[Group, ...] = ()
    ordered: bool = True
    flip_kernels: bool | None = False
    flip_kernels_hint: str = ""


def group_by_module(parameters: Iterable[Parameter]) -> tuple[Group, ...]:
    """Group parameters by module, in the order of the first parameter of each module."""
    groups: dict[str, dict[str, Array]] = {}
    for parameter in parameters:
        groups.setdefault(parameter.prefix, {})[parameter.role] = parameter.array
    return tuple(Group(prefix, arrays) for prefix, arrays in groups.items())


def split_weights(parameters: Sequence[Parameter]) -> tuple[tuple[Parameter, ...], tuple[LayerReport, ...]]:
    """Separate float arrays, which can be weights, from the rest: integers (counters, indices, masks) and empty arrays.

    Returns:
        The parameters that can be weights, and a report on the others.
    """
    weights, others = [], []
    for parameter in parameters:
        if parameter.array.dtype.kind == "f" and parameter.array.size:
            weights.append(parameter)
        else:
            report = LayerReport(parameter.name, describe_array(parameter.array), "no weight of a layer")
            others.append(report)
    return tuple(weights), tuple(others)


def describe_array(array: Array) -> str:
    """Return the shape and dtype of an array as text."""
    return f"{' x '.join(map(str, array.shape)) or 'one number'}, {array.dtype}"


def natural_sort_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts "layer10" after "layer9"."""
    return tuple((int(digits), "") if digits else (-1, text) for digits, text in re.findall(r"(\d+)|(\D+)", name))
