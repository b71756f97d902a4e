"""What .mat files of both kinds hold, in one form that knows of no file; and how much of it may be held.

Numbers are arrays with MATLAB's axes, text is `str`, a cell is a list and a struct array a tuple of dicts, both column
by column; what cannot be read is `Opaque`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.importers.source_file import MAX_BYTES

Value = Any
"""An array, `str`, a list, a tuple of dicts by the names of fields, or `Opaque`."""

MOST_VALUES = 2**20
"""Of a file, cells and fields counted one by one: large networks have some thousands, names of classes included."""

MOST_DEPTH = 32
"""How deeply cells and structs may lie in each other; those of networks do so six deep."""


class Damaged(Exception):
    """The file is not what a .mat file can be; the message says how."""


@dataclass(frozen=True)
class Opaque:
    """A value that only MATLAB can read: an object, a function, an array of a GPU's.

    Args:
        kind: its class there.
    """

    kind: str


class Budget:
    """What reading a file may take. Both kinds of files are compressed, and little can claim to be much.

    Args:
        size: of the file, in bytes. Weights hardly become smaller; zeros, as training keeps some, become nothing.
    """

    def __init__(self, size: int) -> None:
        self._bytes = min(2**28 + 20 * size, MAX_BYTES)
        self._values = MOST_VALUES

    def hold(self, bytes_: int) -> None:
        """Count bytes, before memory for them is taken."""
        self._bytes -= bytes_
        if self._bytes < 0:
            raise Damaged("claims to hold more than a file of its size can")

    def enter(self, depth: int, values: int = 1) -> None:
        """Count values that lie so many cells and structs deep, before they are read."""
        self._values -= values
        if self._values < 0 or depth > MOST_DEPTH:
            raise Damaged("holds more values, or more deeply, than a network has")


def printable(text: str) -> str:
    """The text in one line, with nothing in it that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def rows_of_text(text: str, shape: Sequence[int]) -> Value:
    """A char array's characters, column by column, as text: one, or one for each of several rows."""
    characters = printable(text)
    if len(shape) != 2 or shape[0] < 2 or len(characters) != math.prod(shape):
        return characters
    return [characters[row :: shape[0]] for row in range(shape[0])]


def struct(value: Value) -> dict[str, Value]:
    """The fields of a struct; none of what is no struct of one."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else {}


def numbers(value: Value) -> NDArray[np.float64]:
    """Numbers column by column; none of what is no array."""
    known = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    return value.ravel(order="F").astype(np.float64) if known else np.empty(0)


def texts(value: Value) -> tuple[str, ...]:
    """Text, or what of a cell is text."""
    return tuple(one for one in ([value] if isinstance(value, str) else value) if isinstance(one, str))
