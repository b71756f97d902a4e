"""Read MAT-files of version 7.3, which are HDF5: axes are reversed, cells are references, text is 16-bit integers.

The attributes MATLAB_class and MATLAB_empty of a dataset describe its MATLAB value. Keras depends on h5py.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasbridge.files.budget import OverBudget, spend
from kerasbridge.files.hdf5 import check_file
from kerasbridge.files.memory import limited_memory
from kerasbridge.importers.matconvnet.values import (
    Damaged,
    MatlabObject,
    Value,
    count_values,
    printable,
    rows_of_text,
)

_INTEGERS = (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_NUMERIC_CLASSES = frozenset({"", "double", "single", "logical", *_INTEGERS})


def read(path: Path) -> dict[str, Value]:
    """Return the variables of a file by name.

    Raises:
        Damaged: the file is truncated, or is not a MAT-file of version 7.3.
    """
    try:
        check_file(path)
        with limited_memory(), h5py.File(path, "r") as file:
            return _File(file).fields(file, 0)
    except (Damaged, OverBudget):
        raise
    except Exception as error:  # the HDF5 library raises many types for corrupt files
        raise Damaged("is cut short or damaged") from error


class _File:
    def __init__(self, file: Any) -> None:
        self._file = file

    def fields(self, group: Any, depth: int) -> dict[str, Value]:
        """Return the values of a group by name."""
        count_values(depth, len(group))
        names = [name for name in group if not name.startswith("#")]
        return {printable(name): self._value(self._member(group, name), depth) for name in names}

    def _member(self, group: Any, name: str) -> Any:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise Damaged(f"has {name!r} in another place or file")
        return group[name]

    def _value(self, item: Any, depth: int) -> Value:
        count_values(depth)
        kind = _text(item.attrs.get("MATLAB_class", b""))
        if isinstance(item, h5py.Group):
            return self._struct(item, depth) if kind in ("", "struct") else MatlabObject(kind)
        if item.attrs.get("MATLAB_empty", 0) or item.shape is None:
            return _empty(kind)
        if kind == "cell":
            return [self._value(target, depth + 1) for target in self._referenced(item)]
        if kind == "char":
            return self._char(item)
        numeric = kind in _NUMERIC_CLASSES and item.dtype.kind in "biuf"
        return self._data(item).T if numeric else MatlabObject(kind or "unknown")

    def _struct(self, group: Any, depth: int) -> Value:
        """Return a struct array; for several structs, each field is a dataset of references to their values."""
        members = {name: self._member(group, name) for name in group}
        if not members or not all(map(_is_column, members.values())):
            return (self.fields(group, depth + 1),)
        columns = {name: [*self._referenced(member)] for name, member in members.items()}
        if len({*map(len, columns.values())}) > 1:
            raise Damaged("has a struct whose fields differ in length")
        rows = zip(*columns.values(), strict=True)
        return tuple(
            {name: self._value(field, depth + 1) for name, field in zip(columns, row, strict=True)} for row in rows
        )

    def _referenced(self, item: Any) -> list[Any]:
        """Return the objects that the references of a dataset point to, in column-major order."""
        if h5py.check_ref_dtype(item.dtype) is not h5py.Reference:
            raise Damaged(f"has no references in {item.name!r}, where a cell has them")
        count_values(0, item.size)
        return [self._file[reference] for reference in self._data(item).ravel()]

    def _char(self, item: Any) -> Value:
        if item.dtype.kind != "u" or item.ndim != 2:
            return MatlabObject("char")
        letters = self._data(item)
        text = letters.astype("<u2").tobytes().decode("utf-16-le", "replace")
        return rows_of_text(text, letters.shape[::-1])

    def _data(self, item: Any) -> Any:
        """Return the numbers or references of a dataset, which must be stored in the file itself."""
        if item.external or item.is_virtual:
            raise Damaged(f"has {item.name!r} in another file")
        spend(memory=item.size * item.dtype.itemsize)
        return np.asarray(item[()])


def _is_column(item: Any) -> bool:
    """Return whether a member of a group contains one field of several structs."""
    return isinstance(item, h5py.Dataset) and "MATLAB_class" not in item.attrs and item.dtype.kind == "O"


def _empty(kind: str) -> Value:
    return {"char": "", "cell": [], "struct": ()}.get(kind, np.empty((0, 0)))


def _text(value: Any) -> str:
    return printable(value.decode("latin-1") if isinstance(value, bytes) else str(value))
