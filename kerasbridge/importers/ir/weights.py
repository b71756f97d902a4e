"""Weights alone, with the names that a file gives them: what formats without an architecture hold.

Readers make `Parameters` and know no Keras; `placing` brings them onto a Keras model and knows no file.
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
    """An array by its name in the file."""

    name: str
    array: Array

    @property
    def prefix(self) -> str:
        """The module that it belongs to: "layer1.0.conv1" of "layer1.0.conv1.weight"."""
        return self.name.rpartition(".")[0]

    @property
    def role(self) -> str:
        """What it is there: "weight"."""
        return self.name.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.name} {self.array.shape}"


@dataclass(frozen=True)
class Group:
    """The arrays of one module, by what they are there.

    Args:
        names: their names in the file, where these are not the prefix, a dot and what they are.
    """

    prefix: str
    arrays: dict[str, Array]
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, role: str) -> str:
        """The name of an array in the file."""
        return self.names.get(role) or f"{self.prefix}.{role}".lstrip(".")

    def __str__(self) -> str:
        shapes = ", ".join(f"{role} {array.shape}" for role, array in self.arrays.items())
        return f"{self.prefix or 'the outermost module'} ({shapes})"


@dataclass(frozen=True)
class Parameters:
    """What a file of weights holds.

    Args:
        file: its name, for errors.
        convention: how the framework lays out what its layers hold.
        loose: arrays whose names say nothing of layers; what follows one another belongs together.
        groups: those whose names say to which module they belong; one of the two is empty.
        ordered: whether they come in the order in which their layers were made; else by name.
        flip_kernels: whether kernels are to be turned in space; None where nobody has said it.
        asking: what to say where it has to be known.
    """

    file: str
    convention: Convention
    ungrouped: tuple[Parameter, ...] = ()
    groups: tuple[Group, ...] = ()
    ordered: bool = True
    flip_kernels: bool | None = False
    asking: str = ""


def group_by_module(parameters: Iterable[Parameter]) -> tuple[Group, ...]:
    """Parameters by their modules, which come in the order of their first parameters."""
    found: dict[str, dict[str, Array]] = {}
    for one in parameters:
        found.setdefault(one.prefix, {})[one.role] = one.array
    return tuple(Group(prefix, arrays) for prefix, arrays in found.items())


def split_weights(parameters: Sequence[Parameter]) -> tuple[tuple[Parameter, ...], tuple[LayerReport, ...]]:
    """What can be a weight, and what cannot: whole numbers, which are counters, indices and masks, and empty arrays."""
    kept = tuple(one for one in parameters if one.array.dtype.kind == "f" and one.array.size)
    others = (one for one in parameters if one.array.dtype.kind != "f" or not one.array.size)
    return kept, tuple(LayerReport(one.name, describe_array(one.array), "no weight of a layer") for one in others)


def describe_array(array: Array) -> str:
    """Shape and type of numbers in words."""
    return f"{' x '.join(map(str, array.shape)) or 'one number'}, {array.dtype}"


def natural_sort_key(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts "layer10" behind "layer9"."""
    return tuple((int(digits), "") if digits else (-1, text) for digits, text in re.findall(r"(\d+)|(\D+)", name))
