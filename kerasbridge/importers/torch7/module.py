"""A Torch7 module of a file, with typed access to its fields."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops.base import Array
from kerasbridge.importers.ir.options import MAX_SIZE
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.lua_objects import Object, Storage, Table, Tensor

MAX_CHANNELS = 10**7
MAX_DIMENSIONS = 32


@dataclass(frozen=True)
class Module:
    """A module and its position in the network.

    Args:
        object: its fields.
        place: its position as an expression in Lua, ``net[3][1]``.
    """

    object: Object
    place: str = "net"

    @property
    def type(self) -> str:
        """The type in the file: "nn.Linear"."""
        return self.object.type

    @property
    def kind(self) -> str:
        """The type without the package, if the classes of the package have the names of those of nn."""
        package, _, name = self.type.partition(".")
        return name if package in ("nn", "cudnn", "inn", "cunn") else self.type

    def __str__(self) -> str:
        return f"{self.place} ({self.type})"

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field; nil is the same as no field."""
        return self.object.fields.get(name, default)

    def parts(self) -> list["Module"]:
        """Return the modules in a container."""
        modules = self.get("modules")
        parts = modules.list() if isinstance(modules, Table) else []
        return [Module(part, f"{self.place}[{at}]") for at, part in enumerate(parts, 1) if isinstance(part, Object)]

    def number(self, name: str, default: float | None = None) -> float:
        """Return a field that is a number."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise Unsupported(f"has no number as its {name}", name)
        return float(value)

    def integer(self, name: str, default: int | None = None, least: int = 1, most: int = MAX_SIZE) -> int:
        """Return a field that is an integer within bounds."""
        value = self.number(name, default)
        if not (least <= value <= most and value == int(value)):
            raise Unsupported(f"has a {name} of {value:g}", name)
        return int(value)

    def index(self, name: str, default: int | None = None) -> int:
        """Return a field that is a position along a dimension, or a number of such positions."""
        return self.integer(name, default, -(2**31), 2**31)

    def channels(self, name: str) -> int:
        """Return a field that is a number of channels."""
        return self.integer(name, most=MAX_CHANNELS)

    def rank(self, name: str = "nInputDims") -> int | None:
        """Return a field that is the number of dimensions the module expects; None if it is not set."""
        return None if self.get(name) is None else self.integer(name, most=MAX_DIMENSIONS)

    def dimension(self, name: str = "dimension", default: int | None = None) -> int:
        """Return a field that is a dimension, counted from 1, or from the end if it is negative."""
        return self.integer(name, default, -MAX_DIMENSIONS, MAX_DIMENSIONS)

    def pair(self, name: str, default: int | None = None, least: int = 1) -> tuple[int, int]:
        """Return height and width: the fields NAMEH and NAMEW."""
        return self.integer(f"{name}H", default, least), self.integer(f"{name}W", default, least)

    def sides(self) -> tuple[int, int, int, int]:
        """Return the top, bottom, left and right of a padding; negative numbers crop."""
        left = self.integer("pad_l", least=-MAX_SIZE)
        return tuple(self.integer(f"pad_{side}", left, -MAX_SIZE) for side in "tblr")  # type: ignore[return-value]

    def list(self, name: str) -> list[int]:
        """Return a field that is a list of integers, in a storage, a tensor or a table."""
        value = self.get(name)
        if isinstance(value, Storage):
            numbers = value.numbers().tolist() if value.size <= MAX_DIMENSIONS else []
        elif isinstance(value, Tensor):
            numbers = self.weight(name).ravel().tolist()
        else:
            numbers = value.list() if isinstance(value, Table) else []
        integers = all(isinstance(number, int | float) and float(number).is_integer() for number in numbers)
        if not 0 < len(numbers) <= MAX_DIMENSIONS or not integers:
            raise Unsupported(f"has no list of whole numbers as its {name}", name)
        return [int(number) for number in numbers]

    def weight(self, name: str, shape: Sequence[int] | None = None) -> Array:
        """Return the numbers of a tensor, reshaped if a shape is given."""
        array = self.optional_weight(name, shape)
        if array is None:
            raise Unsupported(f"has no {name}", name)
        return array

    def optional_weight(self, name: str, shape: Sequence[int] | None = None) -> Array | None:
        """Return the numbers of a tensor; None if the module does not have it."""
        tensor = self.get(name)
        if tensor is None:
            return None
        if not isinstance(tensor, Tensor):
            raise Unsupported(f"has no tensor as its {name}", name)
        try:
            array = tensor.array()
        except LegacyFileError as error:
            raise Unsupported(f"has a {name} that is damaged: {str(error).rstrip('.')}", name) from None
        wanted = array.shape if shape is None else tuple(shape)
        if array.size != math.prod(wanted):
            raise Unsupported(f"has a {name} of shape {array.shape}, where its options ask for {wanted}", name)
        return array.reshape(wanted)

    def bias(self, size: int) -> Array | None:
        """Return the bias, None if the module has none."""
        return self.optional_weight("bias", (size,))

    def size(self, name: str, axis: int) -> int | None:
        """Return the size of a tensor along an axis; None if there is no such tensor or axis."""
        tensor = self.get(name)
        return tensor.sizes[axis] if isinstance(tensor, Tensor) and len(tensor.sizes) > axis else None
