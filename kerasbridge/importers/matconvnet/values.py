"""The values of .mat files of both versions in one form, and limits on their size.

Numbers are arrays with the axes of MATLAB, text is `str`, a cell is a list and a struct array a tuple of dicts, both in
column-major order; a value that cannot be read is `MatlabObject`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.importers.source_file import MAX_BYTES

Value = Any
"""An array, `str`, a list, a tuple of dicts by the names of fields, or `MatlabObject`."""

MAX_VALUES = 2**20
"""The largest number of cells and fields in a file; large networks have thousands, with the names of their classes."""

MAX_DEPTH = 32
"""The deepest nesting of cells and structs; networks have a depth of six."""


class Damaged(Exception):
    """The file is not a valid .mat file; the message is a predicate that gives the reason."""


@dataclass(frozen=True)
class MatlabObject:
    """A value that only MATLAB can read: an object, a function, a GPU array.

    Args:
        kind: the MATLAB class of the value.
    """

    kind: str


class Budget:
    """Limits on the memory and the number of values of a file, since a small compressed file can expand to a large one.

    Args:
        size: the size of the file in bytes. Weights compress little, but zeros in training state to almost nothing.
    """

    def __init__(self, size: int) -> None:
        self._bytes = min(2**28 + 20 * size, MAX_BYTES)
        self._values = MAX_VALUES

    def count_bytes(self, bytes_: int) -> None:
        """Count bytes before they are allocated."""
        self._bytes -= bytes_
        if self._bytes < 0:
            raise Damaged("claims to contain more than a file of its size can")

    def count_values(self, depth: int, values: int = 1) -> None:
        """Count values at this depth of nested cells and structs, before they are read."""
        self._values -= values
        if self._values < 0 or depth > MAX_DEPTH:
            raise Damaged("contains more values, or deeper nesting, than a network has")


def printable(text: str) -> str:
    """Return the text on one line, with unprintable characters, such as terminal escapes, replaced by "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def rows_of_text(text: str, shape: Sequence[int]) -> Value:
    """Return a char array, given in column-major order, as a string, or as a list of strings for several rows."""
    characters = printable(text)
    if len(shape) != 2 or shape[0] < 2 or len(characters) != math.prod(shape):
        return characters
    return [characters[row :: shape[0]] for row in range(shape[0])]


def struct(value: Value) -> dict[str, Value]:
    """Return the fields of a single struct; {} for any other value."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else {}


def numbers(value: Value) -> NDArray[np.float64]:
    """Return the numbers of an array in column-major order; an empty array for any other value."""
    known = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    return value.ravel(order="F").astype(np.float64) if known else np.empty(0)


def texts(value: Value) -> tuple[str, ...]:
    """Return a string, or the strings in a cell, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(item for item in value if isinstance(item, str))
