"""The values of .mat files of both versions in one form.

Numbers are arrays with the axes of MATLAB, text is `str`, a cell is a list and a struct array a tuple of dicts, both in
column-major order; a value that cannot be read is `MatlabObject`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.files.budget import spend

Value = Any
"""An array, `str`, a list, a tuple of dicts by the names of fields, or `MatlabObject`."""

MAX_DEPTH = 32
"""The deepest nesting of cells and structs; networks have a depth of six."""


_STEPS_PER_VALUE, _MEMORY_PER_VALUE = 40, 300


class Damaged(Exception):
    """The file is not a valid .mat file; the message is a predicate that gives the reason."""


@dataclass(frozen=True)
class MatlabObject:
    """A value that only MATLAB can read: an object, a function, a GPU array.

    Args:
        kind: the MATLAB class of the value.
    """

    kind: str


def count_values(depth: int, values: int = 1) -> None:
    """Draw from the budget of the file for values at this depth of cells and structs, before they are read."""
    if depth > MAX_DEPTH:
        raise Damaged("contains more values, or deeper nesting, than a network has")
    spend(steps=_STEPS_PER_VALUE * values, memory=_MEMORY_PER_VALUE * values)


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
