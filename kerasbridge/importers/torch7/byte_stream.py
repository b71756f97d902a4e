"""The two encodings of Torch7 files: binary and text (`lib/TH/THDiskFile.c`)."""

import contextlib
import re
import struct
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from kerasbridge.errors import LegacyFileError

LazyArray = Callable[[], np.ndarray[Any, Any]]

_BYTE_TYPES = ("u1", "i1")
"""Types that are written as raw bytes even in text files."""
_LINE_END = re.compile(rb"(\r?\n)?")
_NUMBER = re.compile(rb"\s*(\S{1,40})")
_WHITESPACE = b" \t\r\n\v\f"


class CorruptFile(LegacyFileError):
    """A file is damaged or cut short."""


class ByteStream(Protocol):
    """Reads the items of a file one after the other."""

    def int32(self) -> int:
        """Read a 32-bit integer."""

    def int64(self, count: int) -> tuple[int, ...]:
        """Read integers of the C type long, of 64 or 32 bits."""

    def double(self) -> float:
        """Read a double."""

    def string(self, count: int) -> bytes:
        """Read a number of bytes."""

    def numbers(self, kind: str, count: int) -> LazyArray:
        """Read numbers of a NumPy dtype, or "long"; they are decoded when they are needed."""


class BinaryStream:
    """A binary, little-endian file.

    Args:
        content: the whole file.
        long: the size of the C type long in bytes, 8 or 4.
    """

    def __init__(self, content: bytes, long: int = 8) -> None:
        self._content, self._position, self._long = content, 0, f"i{long}"

    def int32(self) -> int:
        return int(struct.unpack("<i", self.string(4))[0])

    def int64(self, count: int) -> tuple[int, ...]:
        return tuple(int(number) for number in self.numbers("long", count)())

    def double(self) -> float:
        return float(struct.unpack("<d", self.string(8))[0])

    def string(self, count: int) -> bytes:
        start = self._position
        self._advance(count)
        return self._content[start : self._position]

    def numbers(self, kind: str, count: int) -> LazyArray:
        dtype, start = np.dtype(self._long if kind == "long" else kind).newbyteorder("<"), self._position
        self._advance(count * dtype.itemsize)
        return lambda: np.frombuffer(self._content, dtype, count, start)

    def _advance(self, size: int) -> None:
        start = self._position
        if not 0 <= size <= len(self._content) - start:
            raise CorruptFile(f"is damaged or cut short: at byte {start:,} it should have {size:,} more bytes.")
        self._position += size


class TextStream:
    """A text file: numbers separated by white space, those of a storage in one line."""

    def __init__(self, content: bytes) -> None:
        self._content, self._position = content, 0

    def int32(self) -> int:
        word = self._word()
        try:
            return int(word)
        except ValueError:
            raise self._damage("a whole number") from None

    def int64(self, count: int) -> tuple[int, ...]:
        if not 0 <= count <= len(self._content):
            raise self._damage(f"{count:,} whole numbers")
        return tuple(self.int32() for _ in range(count))

    def double(self) -> float:
        word = self._word()
        try:
            return float(word)
        except ValueError:
            raise self._damage("a number") from None

    def string(self, count: int) -> bytes:
        start = self._line_end()
        if not 0 <= count <= len(self._content) - start:
            raise self._damage(f"{count:,} letters")
        self._position = start + count
        return self._content[start : self._position]

    def numbers(self, kind: str, count: int) -> LazyArray:
        if kind in _BYTE_TYPES:
            content = self.string(count)
            return lambda: np.frombuffer(content, kind)
        if not 0 <= count <= len(self._content) // 2 + 1:
            raise self._damage(f"{count:,} numbers")
        start = self._line_end()
        end = self._content.find(b"\n", start) if count else start
        end = len(self._content) if end < 0 else end
        self._position = end
        return lambda: _parse_numbers(self._content[start:end], kind, count)

    def _word(self) -> bytes:
        match = _NUMBER.match(self._content, self._position)
        if not match:
            raise self._damage("a number")
        self._position = match.end()
        return match[1]

    def _line_end(self) -> int:
        """Return the start of the next line, after the last number of a line."""
        return self._position + len(_LINE_END.match(self._content, self._position)[0])  # type: ignore[index]

    def _damage(self, expected: str) -> CorruptFile:
        line = self._content.count(b"\n", 0, self._position) + 1
        return CorruptFile(f"is damaged or cut short: expected {expected} in line {line:,}.")


def _parse_numbers(line: bytes, kind: str, count: int) -> np.ndarray[Any, Any]:
    """Parse the numbers of a line."""
    with warnings.catch_warnings(), contextlib.suppress(ValueError):
        warnings.simplefilter("ignore", DeprecationWarning)  # older NumPy versions only warn of invalid text
        numbers = np.fromstring(line.strip(_WHITESPACE), "i8" if kind == "long" else np.dtype(kind), sep=" ")
        if len(numbers) == count:
            return numbers
    raise CorruptFile(f"is damaged: expected a line of {count:,} numbers.")
