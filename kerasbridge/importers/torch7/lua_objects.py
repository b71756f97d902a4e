"""Contents of Torch7 files: Lua tables, objects of classes, and tensors, which are views of storages."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend
from kerasbridge.files.describe import describe
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
        values: list[Any] = []
        while (value := self.fields.get(len(values) + 1)) is not None:
            values.append(value)
        return values


@dataclass(eq=False)
class Object:
    """An object of a class.

    Args:
        type: the name of the class, "nn.Linear".
        version: of the file format; 0 in files that are older than versions.
        table: the table of its fields; another value if the class serializes itself differently.
    """

    type: str
    version: float
    table: Any = None

    @property
    def fields(self) -> Table:
        """Its fields by name; empty if it has no table of fields."""
        return self.table if isinstance(self.table, Table) else Table()


@dataclass(eq=False)
class Function:
    """A Lua function, which is never run; its code is discarded."""


@dataclass(eq=False)
class Storage:
    """A one-dimensional array.

    Args:
        kind: "Float", "CudaLong", …
        size: the number of elements.
        numbers: returns the elements, which are decoded on demand.
    """

    kind: str
    size: int
    numbers: Callable[[], np.ndarray[Any, Any]]


@dataclass(eq=False)
class Tensor:
    """A view of a storage, which other tensors may share.

    Args:
        kind: as that of a storage.
        sizes, strides: one number for each dimension; strides count elements.
        offset: the index of the first element in the storage, from 0.
        storage: None for an empty tensor.
    """

    kind: str
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    storage: Any

    def array(self) -> Array:
        """Return its elements as 32-bit floats.

        Raises:
            LegacyFileError: it reaches beyond its storage.
        """
        if not self.sizes or self.storage is None:
            return np.empty(0, np.float32)
        if any(size < 0 for size in self.sizes) or not isinstance(self.storage, Storage):
            raise LegacyFileError(f"a tensor has the shape {describe(self.sizes)}, which none can have.")
        if math.prod(self.sizes) == 0:
            return np.empty(self.sizes, np.float32)
        self._check_reach(self.storage)
        spend(steps=1, memory=8 * math.prod(self.sizes))
        numbers = self.storage.numbers()
        strides = [stride * numbers.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.sizes, strides, writeable=False)
        return np.array(view, np.float32, order="C")

    def _check_reach(self, storage: Storage) -> None:
        """Check that all elements are in the storage, each used once, so that a small file has no large arrays."""
        steps = [(size - 1) * stride for size, stride in zip(self.sizes, self.strides, strict=True)]
        first = self.offset + sum(step for step in steps if step < 0)
        last = self.offset + sum(step for step in steps if step > 0)
        if first < 0 or last >= storage.size or first != self.offset:
            raise LegacyFileError(f"a tensor of shape {self.sizes} reaches beyond its {storage.size:,} numbers.")
        if math.prod(self.sizes) > storage.size:
            raise LegacyFileError(f"a tensor of shape {self.sizes} shows {storage.size:,} numbers more than once.")


def iter_objects(value: Any, depth: int = 3) -> Iterator[tuple[str, Object]]:
    """Yield the objects in a table and in its nested tables, each once, with the path to it."""
    queue, visited = [("", value)], {value}
    for path, table in queue:
        for key, inner in table.fields.items():
            name = f"{path}{key:g}" if isinstance(key, float) else f"{path}{key}"
            if inner is None or isinstance(inner, float | str) or inner in visited:
                continue
            visited.add(inner)
            if isinstance(inner, Object):
                yield name, inner
            if isinstance(inner, Table) and name.count(".") < depth:
                queue.append((f"{name}.", inner))
