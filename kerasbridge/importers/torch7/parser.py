"""Parse Torch7 files, binary or text, as `File.lua` of torch7 writes them; code in them is never run."""

import re
from collections.abc import Callable, Generator
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.files import budget
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.torch7.byte_stream import BinaryStream, ByteStream, CorruptFile, TextStream
from kerasbridge.importers.torch7.lua_objects import Function, Object, Storage, Table, Tensor

MAX_DEPTH = 50_000
MAX_CLASS_NAME = 200
"""The maximum numbers of nested values, and of letters of a class: more than any network has."""

_MEMORY_PER_VALUE = 200

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN, _FUNCTION, _OLD_CLOSURE, _CLOSURE = range(9)
_DTYPES = {
    "Byte": "u1",
    "Char": "i1",
    "Short": "i2",
    "Int": "i4",
    "Long": "long",
    "Float": "f4",
    "Double": "f8",
    "Half": "f2",
}
_NUMERIC = re.compile(r"torch\.(Cuda|Cl|)(Byte|Char|Short|Int|Long|Float|Double|Half|)(Tensor|Storage)")
_TEXT = re.compile(rb"[34]\s\d{1,10}\s(\d{1,4}\s(V \d|[A-Za-z_]\w*\.\w)|\d{1,10}\s[1-8]\s)")
_CLASS = re.compile(rb"V \d|[A-Za-z_]\w*\.\w")

Steps = Generator[None, Any, Any]
"""A generator that reads a value; each `yield` receives the next value of the file."""


def is_text(file: SourceFile) -> bool:
    """Return whether a file begins like a Torch7 text file, with a table or an object."""
    return bool(_TEXT.match(file.head))


def is_binary(file: SourceFile) -> bool:
    """Return whether a file begins like a Torch7 binary file, with a table or an object."""
    head = file.head
    if head[:1] not in (b"\3", b"\4") or head[1:4] != b"\0\0\0" or len(head) < 16:
        return False
    return bool(_CLASS.match(head[12:])) if head[:1] == b"\4" else head[12] < 9 or head[8:12] == b"\0\0\0\0"


def load(file: SourceFile) -> Any:
    """Read the value in a file.

    Raises:
        LegacyFileError: it is damaged.
    """
    if is_text(file):
        return Reader(TextStream(file.content)).read()
    try:
        return Reader(BinaryStream(file.content)).read()
    except CorruptFile as damage:
        try:
            return Reader(BinaryStream(file.content, long=4)).read()
        except LegacyFileError:
            raise damage from None


class Reader:
    """Reads one value with all values in it; references to the same index are one object."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._by_index: dict[int, Any] = {}

    def read(self) -> Any:
        """Return the next value; an explicit stack of generators replaces recursion, whose depth is limited."""
        stack, value, file_budget = [self._value()], None, budget.current()
        while stack:
            try:
                stack[-1].send(value)
                stack.append(self._value())
                value = None
                file_budget.spend(steps=1, memory=_MEMORY_PER_VALUE)
            except StopIteration as done:
                stack.pop()
                value = done.value
            if len(stack) > MAX_DEPTH:
                raise LegacyFileError(f"contains more than {MAX_DEPTH:,} values in each other.")
        return value

    def _value(self) -> Steps:
        kind = self._stream.int32()
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            return self._stream.double()
        if kind == _STRING:
            return self._string()
        if kind == _BOOLEAN:
            return self._stream.int32() == 1
        if kind == _FUNCTION:
            return (yield from self._function())
        if kind in (_TABLE, _TORCH, _CLOSURE, _OLD_CLOSURE):
            return (yield from self._indexed(kind))
        raise CorruptFile(f"is damaged: no value is of the kind {kind}.")

    def _indexed(self, kind: int) -> Steps:
        """Read a value that is written once, and later referred to by its index."""
        index = self._stream.int32()
        if index in self._by_index:
            return self._by_index[index]
        if kind == _TABLE:
            return (yield from self._table(index))
        if kind == _TORCH:
            return (yield from self._object(index))
        self._by_index[index] = Function()
        yield from self._function()
        return self._by_index[index]

    def _string(self) -> str:
        return self._stream.string(self._stream.int32()).decode("utf-8", "replace")

    def _table(self, index: int) -> Steps:
        table = self._by_index[index] = Table()
        for _ in range(self._stream.int32()):
            key = yield
            value = yield
            table.fields[key] = value
        return table

    def _function(self) -> Steps:
        self._string()
        yield
        return Function()

    def _object(self, index: int) -> Steps:
        first = self._string()
        versioned = re.fullmatch(r"V (\d{1,9}(\.\d{1,9})?)", first)
        name, version = (self._string(), float(versioned[1])) if versioned else (first, 0.0)
        if len(name) > MAX_CLASS_NAME or not name.isprintable():
            raise CorruptFile("is damaged: invalid class name.")
        numeric = _NUMERIC.fullmatch(name)
        if numeric:
            prefix, kind, suffix = numeric.groups()
            read = self._tensor if suffix == "Tensor" else self._storage
            return (yield from read(index, prefix + kind, _DTYPES[kind or ("Float" if prefix else "Double")]))
        if name in _CUSTOM_FORMATS:
            return (yield from _CUSTOM_FORMATS[name](self, index))
        entry = self._by_index[index] = Object(name, version)
        entry.table = yield
        return entry

    def _tensor(self, index: int, kind: str, _: str) -> Steps:
        dimensions = self._stream.int32()
        if not 0 <= dimensions <= 32:
            raise CorruptFile(f"is damaged: a tensor should have {dimensions} dimensions.")
        sizes, strides = self._stream.int64(dimensions), self._stream.int64(dimensions)
        tensor = self._by_index[index] = Tensor(kind, sizes, strides, self._stream.int64(1)[0] - 1, None)
        tensor.storage = yield
        return tensor

    def _storage(self, index: int, kind: str, dtype: str) -> Steps:
        (size,) = self._stream.int64(1)
        self._by_index[index] = Storage(kind, size, self._stream.numbers(dtype, size))
        return self._by_index[index]
        yield

    def _vector(self, index: int) -> Steps:
        table = self._by_index[index] = Table()
        size = self._stream.int32()
        yield
        for place in range(1, size + 1):
            table.fields[place] = yield
        return table

    def _hash(self, index: int) -> Steps:
        table = self._by_index[index] = Table()
        size = self._stream.int32()
        yield
        for _ in range(size):
            key = yield
            value = yield
            table.fields[key] = value
        return table


_CUSTOM_FORMATS: dict[str, Callable[[Reader, int], Steps]] = {
    "tds.Hash": Reader._hash,
    "tds.Vec": Reader._vector,
}
