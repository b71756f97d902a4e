"""Shared parts of the Torch7 converters: a module with typed access to its fields, and the shape of its input."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array, Shape, ShapeError
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Object, Storage, Table, Tensor

MAX_SIZE = 4096
"""Of kernels, strides, dilations and paddings: more than any image has rows or columns."""


class BatchDimension(ShapeError):
    """A dimension is that of the batch, if there is one."""


@dataclass(frozen=True)
class Module:
    """A module and where it stands.

    Args:
        object: its fields.
        place: as one would write it in Lua, ``net[3][1]``.
    """

    object: Object
    place: str = "net"

    @property
    def type(self) -> str:
        """As the file calls it: "nn.Linear"."""
        return self.object.type

    @property
    def kind(self) -> str:
        """The name of its class without the package, where this is one that has classes of the same names as nn."""
        package, _, name = self.type.partition(".")
        return name if package in ("nn", "cudnn", "inn", "cunn") else self.type

    def __str__(self) -> str:
        return f"{self.place} ({self.type})"

    def get(self, name: str, default: Any = None) -> Any:
        """A field; nil is the same as no field."""
        return self.object.fields.get(name, default)

    def parts(self) -> list["Module"]:
        """The modules in it."""
        modules = self.get("modules")
        found = modules.list() if isinstance(modules, Table) else []
        return [Module(part, f"{self.place}[{at}]") for at, part in enumerate(found, 1) if isinstance(part, Object)]

    def number(self, name: str, default: float | None = None) -> float:
        """A field that is a number."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise Unsupported(f"has no number as its {name}")
        return float(value)

    def integer(self, name: str, default: int | None = None, least: int = 1, most: int = MAX_SIZE) -> int:
        """A field that is a whole number within bounds."""
        value = self.number(name, default)
        if not (least <= value <= most and value == int(value)):
            raise Unsupported(f"has a {name} of {value:g}")
        return int(value)

    def pair(self, name: str, default: int | None = None, least: int = 1) -> tuple[int, int]:
        """Height and width: the fields NAMEH and NAMEW."""
        return self.integer(f"{name}H", default, least), self.integer(f"{name}W", default, least)

    def sides(self) -> tuple[int, int, int, int]:
        """Top, bottom, left and right of a padding; below 0 to cut off."""
        left = self.integer("pad_l", least=-MAX_SIZE)
        return tuple(self.integer(f"pad_{side}", left, -MAX_SIZE) for side in "tblr")  # type: ignore[return-value]

    def list(self, name: str) -> list[int]:
        """Whole numbers in a storage, a tensor or a table."""
        value = self.get(name)
        if isinstance(value, Storage):
            numbers = value.numbers().tolist() if value.size <= 32 else []
        elif isinstance(value, Tensor):
            numbers = self.weight(name).ravel().tolist()
        else:
            numbers = value.list() if isinstance(value, Table) else []
        whole = all(isinstance(one, int | float) and float(one).is_integer() for one in numbers)
        if not 0 < len(numbers) <= 32 or not whole:
            raise Unsupported(f"has no list of whole numbers as its {name}")
        return [int(one) for one in numbers]

    def weight(self, name: str, shape: Sequence[int] | None = None) -> Array:
        """The numbers of a tensor, in the shape that is wanted."""
        array = self.optional(name, shape)
        if array is None:
            raise Unsupported(f"has no {name}")
        return array

    def optional(self, name: str, shape: Sequence[int] | None = None) -> Array | None:
        """The same; None where there is no such tensor."""
        tensor = self.get(name)
        if tensor is None:
            return None
        if not isinstance(tensor, Tensor):
            raise Unsupported(f"has no tensor as its {name}")
        try:
            array = tensor.array()
        except LegacyFileError as error:
            raise Unsupported(f"has a {name} that is damaged: {str(error).rstrip('.')}") from None
        wanted = array.shape if shape is None else tuple(shape)
        if array.size != math.prod(wanted):
            raise Unsupported(f"has a {name} of shape {array.shape}, where its options ask for {wanted}")
        return array.reshape(wanted)


@dataclass(frozen=True)
class InputInfo:
    """The input of a module.

    Args:
        shape: with the batch, which is axis 0.
        batched: whether the network was made for batches: then its dimension 1 is the batch, else the axis behind it.
    """

    shape: Shape
    batched: bool

    @property
    def dimensions(self) -> int:
        """The number of dimensions as nn counts them."""
        return len(self.shape) - (not self.batched)

    def axis(self, dimension: int, without_batch: int | None = None, new: bool = False) -> int:
        """The axis that nn means by a dimension, counted from 1, or from the end where it is below 0.

        Args:
            without_batch: how many dimensions it counts in, where a batch may stand before them; None for all.
            new: it will be there only afterwards.

        Raises:
            ShapeError: there is no such axis; `BatchDimension`: it is the batch.
        """
        dimensions = self.dimensions + new
        if dimension < 0:
            dimension += dimensions + 1
        elif without_batch is not None and dimensions == without_batch + 1:
            dimension += 1
        if not 1 <= dimension <= dimensions:
            raise ShapeError(f"there is no dimension {dimension} among {dimensions}")
        axis = dimension - self.batched
        if axis == 0:
            raise BatchDimension("its dimension 1 is the batch")
        return axis


def dims(module: Module, name: str = "nInputDims") -> int | None:
    """Return the number of dimensions that a module expects; None if it is not set."""
    return None if module.get(name) is None else module.integer(name, most=32)


def dimension(module: Module, name: str = "dimension", default: int | None = None) -> int:
    """A dimension, from 1 on or below 0."""
    return module.integer(name, default, -32, 32)
