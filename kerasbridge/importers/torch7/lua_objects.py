"""Contents of Torch7 files: Lua tables, objects of classes, and tensors, which are views of storages."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops.base import Array


@dataclass(eq=False)
class Table:
    """A Lua table, compared by identity as in Lua, so that tables can be keys."""

    fields: dict[Any, Any] = field(default_factory=dict)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of a key; in Lua, nil is the same as no value."""
        value = self.fields.get(key)
        return default if value is None else value

    def list(self) -> list[Any]:
        """Return the values of the keys 1, 2, 3, … up to the first gap."""
        found: list[Any] = []
        while (value := self.fields.get(len(found) + 1)) is not None:
            found.append(value)
        return found


@dataclass(eq=False)
class Object:
    """An object of a class that is kept as a table.

    Args:
        type: the name of the class, "nn.Linear".
        version: of the class, 0 in files older than versions.
        table: its fields; another thing where the class writes something else.
    """

    type: str
    version: float
    table: Any = None

    @property
    def fields(self) -> Table:
        """Its fields by name; none where it has no table of them."""
        return self.table if isinstance(self.table, Table) else Table()


@dataclass(eq=False)
class Function:
    """A Lua function, which is never run; its code is discarded."""


@dataclass(eq=False)
class Storage:
    """Numbers in a row.

    Args:
        kind: "Float", "CudaLong", …
        size: how many there are.
        numbers: gives them, when they are asked for.
    """

    kind: str
    size: int
    numbers: Callable[[], np.ndarray[Any, Any]]


@dataclass(eq=False)
class Tensor:
    """A view of a storage, which other tensors may share.

    Args:
        kind: as of a storage.
        sizes, strides: one number for each dimension; strides count numbers.
        offset: where it begins in the storage, from 0.
        storage: None for one without numbers.
    """

    kind: str
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: Any

    def array(self) -> Array:
        """Its numbers, of 32 bits.

        Raises:
            LegacyFileError: it reaches beyond its storage.
        """
        if not self.sizes or self.storage is None:
            return np.empty(0, np.float32)
        if any(size < 0 for size in self.sizes) or not isinstance(self.storage, Storage):
            raise LegacyFileError(f"a tensor has the shape {self.sizes}, which none can have.")
        if math.prod(self.sizes) == 0:
            return np.empty(self.sizes, np.float32)
        self._check_reach(self.storage)
        numbers = self.storage.numbers()
        strides = [stride * numbers.itemsize for stride in self.strides]
        seen = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.sizes, strides, writeable=False)
        return np.array(seen, np.float32, order="C")

    def _check_reach(self, storage: Storage) -> None:
        """Check that every number is in the storage, and that none is used twice: a short file makes no large array."""
        steps = [(size - 1) * stride for size, stride in zip(self.sizes, self.strides, strict=True)]
        first = self.offset + sum(step for step in steps if step < 0)
        last = self.offset + sum(step for step in steps if step > 0)
        if first < 0 or last >= storage.size or first != self.offset:
            raise LegacyFileError(f"a tensor of shape {self.sizes} reaches beyond its {storage.size:,} numbers.")
        if math.prod(self.sizes) > storage.size:
            raise LegacyFileError(f"a tensor of shape {self.sizes} shows {storage.size:,} numbers more than once.")


def iter_objects(value: Any, deep: int = 3) -> Iterator[tuple[str, Object]]:
    """The objects in a table and in the tables in it, each once, with the keys that lead to it."""
    waiting, met = [("", value)], {value}
    for path, table in waiting:
        for key, inner in table.fields.items():
            name = f"{path}{key:g}" if isinstance(key, float) else f"{path}{key}"
            if inner is None or isinstance(inner, float | str) or inner in met:
                continue
            met.add(inner)
            if isinstance(inner, Object):
                yield name, inner
            if isinstance(inner, Table) and name.count(".") < deep:
                waiting.append((f"{name}.", inner))
