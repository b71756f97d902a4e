"""Torch7's files, bytes or text, as values: `File.lua` of torch7 read back, without Lua, and nothing in them run."""

import re
from collections.abc import Callable, Generator
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.torch7.byte_stream import BinaryStream, ByteStream, CorruptFile, TextStream
from kerasbridge.importers.torch7.lua_objects import Function, Object, Storage, Table, Tensor

MAX_VALUES = 5_000_000
MAX_DEPTH = 50_000
MAX_CLASS_NAME = 200
"""Of values, of values in each other, of letters of a class: more than any file of a network has."""

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
"""Reads a value; each `yield` asks for the value that comes next."""


def is_text(file: SourceFile) -> bool:
    """Return whether a file begins as text of Torch7's does: with a table or an object."""
    return bool(_TEXT.match(file.head))


def is_binary(file: SourceFile) -> bool:
    """Return whether a file begins as bytes of Torch7's do: with a table or an object."""
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
    """Reads one value and all that is in it; what is read twice is one thing."""

    def __init__(self, source: ByteStream) -> None:
        self._source = source
        self._known: dict[int, Any] = {}

    def read(self) -> Any:
        """The next value; a stack of its own keeps what is open, so that files may be as deep as they are."""
        open_steps, value, values = [self._value()], None, 1
        while open_steps:
            try:
                open_steps[-1].send(value)
                open_steps.append(self._value())
                value, values = None, values + 1
            except StopIteration as done:
                open_steps.pop()
                value = done.value
            if values > MAX_VALUES or len(open_steps) > MAX_DEPTH:
                raise LegacyFileError(
                    f"contains more than {MAX_VALUES:,} values, or more than {MAX_DEPTH:,} in another."
                )
        return value

    def _value(self) -> Steps:
        kind = self._source.int32()
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            return self._source.double()
        if kind == _STRING:
            return self._string()
        if kind == _BOOLEAN:
            return self._source.int32() == 1
        if kind == _FUNCTION:
            return (yield from self._function())
        if kind in (_TABLE, _TORCH, _CLOSURE, _OLD_CLOSURE):
            return (yield from self._indexed(kind))
        raise CorruptFile(f"is damaged: no value is of the kind {kind}.")

    def _indexed(self, kind: int) -> Steps:
        """Read a value that is written once, and later referred to by its index."""
        index = self._source.int32()
        if index in self._known:
            return self._known[index]
        if kind == _TABLE:
            return (yield from self._table(index))
        if kind == _TORCH:
            return (yield from self._object(index))
        self._known[index] = Function()
        yield from self._function()
        return self._known[index]

    def _string(self) -> str:
        return self._source.string(self._source.int32()).decode("utf-8", "replace")

    def _table(self, index: int) -> Steps:
        table = self._known[index] = Table()
        for _ in range(self._source.int32()):
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
            prefix, kind, what = numeric.groups()
            read = self._tensor if what == "Tensor" else self._storage
            return (yield from read(index, prefix + kind, _DTYPES[kind or ("Float" if prefix else "Double")]))
        if name in _CUSTOM_FORMATS:
            return (yield from _CUSTOM_FORMATS[name](self, index))
        found = self._known[index] = Object(name, version)
        found.table = yield
        return found

    def _tensor(self, index: int, kind: str, _: str) -> Steps:
        dimensions = self._source.int32()
        if not 0 <= dimensions <= 32:
            raise CorruptFile(f"is damaged: a tensor should have {dimensions} dimensions.")
        sizes, strides = self._source.int64(dimensions), self._source.int64(dimensions)
        found = self._known[index] = Tensor(kind, sizes, strides, self._source.int64(1)[0] - 1, None)
        found.storage = yield
        return found

    def _storage(self, index: int, kind: str, dtype: str) -> Steps:
        (size,) = self._source.int64(1)
        self._known[index] = Storage(kind, size, self._source.numbers(dtype, size))
        return self._known[index]
        yield

    def _vector(self, index: int) -> Steps:
        table = self._known[index] = Table()
        size = self._source.int32()
        yield
        for place in range(1, size + 1):
            table.fields[place] = yield
        return table

    def _hash(self, index: int) -> Steps:
        table = self._known[index] = Table()
        size = self._source.int32()
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
