"""Read MAT-files of version 5, which MATLAB writes with -v6 and -v7: tagged elements, compressed or not.

The format is described in MathWorks, MAT-File Format (2024), chapter 1. Uncompressed numbers are not copied.
"""

import math
import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kerasbridge.files.budget import spend
from kerasbridge.importers.matconvnet.values import (
    Damaged,
    MatlabObject,
    Value,
    count_values,
    printable,
    rows_of_text,
)

HEADER = 128
"""The size of the header in bytes; its last four bytes are the version and the byte order."""

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_LETTERS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_FLAGS, _MATRIX, _COMPRESSED = 6, 14, 15
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _CLASS = 1, 2, 3, 4, 5, 16, 17
_ARRAYS = range(6, 16)
_COMPLEX = 0x800


def matches(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of version 5."""
    return head[124:128] in (b"\x00\x01IM", b"\x01\x00MI")


def read(content: bytes) -> dict[str, Value]:
    """Return the variables of a file by name.

    Raises:
        Damaged: the file is truncated, or is not a MAT-file of version 5.
    """
    order = "<" if content[126:128] == b"IM" else ">"
    return _File(order).variables(memoryview(content)[HEADER:])


class _Elements:
    """An iterator over consecutive elements, each with a type and its data."""

    def __init__(self, data: memoryview, order: str) -> None:
        self.left, self._order = data, order

    def next(self) -> tuple[int, memoryview]:
        """Return the type and the data of the next element; a small one has up to four bytes of data in its tag."""
        if len(self.left) < 8:
            raise Damaged("is cut short")
        kind, size = struct.unpack(f"{self._order}II", self.left[:8])
        start, end = 8, 8 + size
        if kind >> 16:
            kind, size = kind & 0xFFFF, kind >> 16
            start, end = 4, 8
        if size > len(self.left) - start or (start == 4 and size > 4):
            raise Damaged("is cut short")
        body = self.left[start : start + size]
        self.left = self.left[end + (0 if kind == _COMPRESSED else -size % 8 if start == 8 else 0) :]
        return kind, body


class _File:
    def __init__(self, order: str) -> None:
        self._order = order
        self._kinds: dict[int, Callable[[_Elements, tuple[int, ...], int], Value]] = {
            _CELL: self._cell,
            _STRUCT: self._struct,
            _CHAR: self._char,
        }

    def variables(self, data: memoryview) -> dict[str, Value]:
        variables, elements = {}, _Elements(data, self._order)
        while len(elements.left) >= 8:
            kind, body = elements.next()
            if kind == _COMPRESSED:
                kind, body = self._decompress(body)
            if kind == _MATRIX:
                name, value = self._matrix(body, 0)
                variables[name] = value
        return variables

    def _decompress(self, body: memoryview) -> tuple[int, memoryview]:
        """Return the type and the data of a compressed element, after checking its size."""
        stream = zlib.decompressobj()
        try:
            kind, size = struct.unpack(f"{self._order}II", stream.decompress(body, 8))
            spend(memory=size)
            content = stream.decompress(stream.unconsumed_tail, size) if size else b""
        except (zlib.error, struct.error) as error:
            raise Damaged("is cut short, or its compressed parts are damaged") from error
        if len(content) < size:
            raise Damaged("is cut short")
        return kind, memoryview(content)

    def _matrix(self, body: memoryview, depth: int) -> tuple[str, Value]:
        """Return the name and the value of an array of any class."""
        count_values(depth)
        if not body:
            return "", np.empty((0, 0))
        elements = _Elements(body, self._order)
        kind, flags = elements.next()
        if kind != _FLAGS or len(flags) != 8:
            raise Damaged("has an array without its class")
        (flag_bits,) = struct.unpack(f"{self._order}I", flags[:4])
        if flag_bits & 0xFF == _CLASS:
            name, _, class_name = (_decode_name(elements.next()[1]) for _ in range(3))
            return name, MatlabObject(class_name)
        shape = self._shape(elements)
        name = _decode_name(elements.next()[1])
        return name, self._value(flag_bits & 0xFF, bool(flag_bits & _COMPLEX), elements, shape, depth)

    def _shape(self, elements: _Elements) -> tuple[int, ...]:
        sizes = self._numbers(elements)
        if not 2 <= sizes.size <= 32 or sizes.dtype.kind not in "iu" or sizes.min() < 0:
            raise Damaged("has an array with an invalid shape")
        return tuple(map(int, sizes))

    def _value(self, kind: int, is_complex: bool, elements: _Elements, shape: tuple[int, ...], depth: int) -> Value:
        if kind in self._kinds:
            return self._kinds[kind](elements, shape, depth + 1)
        if kind == _OBJECT:
            return MatlabObject(_decode_name(elements.next()[1]))
        if kind in (_SPARSE, _FUNCTION):
            return MatlabObject("sparse" if kind == _SPARSE else "function_handle")
        if kind not in _ARRAYS:
            raise Damaged(f"has an array of the unknown class {kind}")
        return MatlabObject("complex") if is_complex else self._array(elements, shape)

    def _array(self, elements: _Elements, shape: tuple[int, ...]) -> Value:
        numbers = self._numbers(elements)
        if numbers.size != math.prod(shape):
            raise Damaged(f"has {numbers.size:,} numbers for an array of {math.prod(shape):,}")
        return numbers.reshape(shape, order="F")

    def _char(self, elements: _Elements, shape: tuple[int, ...], depth: int) -> Value:
        kind, body = elements.next()
        if kind not in _LETTERS:
            raise Damaged(f"has text of type {kind}")
        wide = "" if kind not in (4, 17, 18) else "-le" if self._order == "<" else "-be"
        return rows_of_text(bytes(body).decode(_LETTERS[kind] + wide, "replace"), shape)

    def _cell(self, elements: _Elements, shape: tuple[int, ...], depth: int) -> Value:
        return [self._next(elements, depth) for _ in range(self._checked_count(elements, math.prod(shape)))]

    def _struct(self, elements: _Elements, shape: tuple[int, ...], depth: int) -> Value:
        names = self._names(elements)
        count = range(self._checked_count(elements, math.prod(shape), len(names)))
        return tuple({name: self._next(elements, depth) for name in names} for _ in count)

    def _names(self, elements: _Elements) -> list[str]:
        """Return the field names of a struct, which are stored with a fixed length, padded with zeros."""
        lengths, letters = self._numbers(elements), elements.next()[1]
        if lengths.size != 1 or lengths.dtype.kind not in "iu" or int(lengths[0]) < 1:
            raise Damaged("has a struct without field names")
        length = int(lengths[0])
        count_values(0, len(letters) // length)
        return [_decode_name(letters[at : at + length]) for at in range(0, len(letters), length)]

    def _checked_count(self, elements: _Elements, count: int, fields: int = 1) -> int:
        """Return the count, after checking that the remaining bytes suffice for it."""
        if count * fields * 8 > len(elements.left):
            raise Damaged("is cut short")
        count_values(0, count)
        return count

    def _next(self, elements: _Elements, depth: int) -> Value:
        kind, body = elements.next()
        if kind != _MATRIX:
            raise Damaged(f"has an element of type {kind} in a cell or a struct")
        return self._matrix(body, depth)[1]

    def _numbers(self, elements: _Elements) -> NDArray[np.generic]:
        kind, body = elements.next()
        if kind not in _NUMBERS or len(body) % int(_NUMBERS[kind][1]):
            raise Damaged(f"has numbers of type {kind} in {len(body):,} bytes")
        return np.frombuffer(body, self._order + _NUMBERS[kind])


def _decode_name(letters: memoryview | bytes) -> str:
    """Return a MATLAB name, which ends at the first zero byte."""
    return printable(bytes(letters).partition(b"\0")[0].decode("latin-1"))
