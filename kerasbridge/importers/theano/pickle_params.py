"""Parameters in pickles of any structure: lists, dicts, Theano shared variables, and objects that contain these."""

import bz2
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from kerasbridge.files.budget import current, spend
from kerasbridge.importers.io.pickles import GlobalRef, InertObject, read_all
from kerasbridge.importers.io.pickles.arrays import decode_array
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameter
from kerasbridge.importers.source_file import SourceFile

_PICKLE_START = re.compile(rb"\x80[\x02-\x05]|\((?:l?p|dp|l?c|d|i|t)|[\]}][q(]|\](?:\)|\x94)|c[\w.]+\n[\w.]+\n|\(l")
_TORCH_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_COMPRESSIONS: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
_GRAPH_ATTRIBUTES = {"owner", "tag", "clients", "type"}
"""Attributes of Theano variables that refer to the computation graph."""

_MEMORY_PER_ITEM = 150

_NamedValues = list[tuple[str, Any]]


def matches(file: SourceFile) -> bool:
    """Return whether it begins like a pickle, after decompression."""
    try:
        head = _decompress(file.head, 64) if file.head[:2] in _COMPRESSIONS else file.head
    except ValueError:
        return False
    return bool(_PICKLE_START.match(head)) and not head.startswith(_TORCH_START)


def read(file: SourceFile) -> tuple[Parameter, ...]:
    """Return the arrays of all pickles in the file.

    Raises:
        ValueError: the file is invalid; the message is a phrase that follows "FILE is".
    """
    content = file.content
    if content[:2] in _COMPRESSIONS:
        content = _decompress(content, current().memory)
        spend(memory=len(content) + 1)
    return read_pickles(content, "")


def read_pickles(content: bytes, name: str) -> tuple[Parameter, ...]:
    """Return the arrays of pickles in sequence, named by their path in these, below `name`."""
    values = read_all(content)
    counts: dict[str, int] = {}
    parameters = []
    for path, array in _arrays(name, values[0] if len(values) == 1 else values):
        number = counts[path] = counts.get(path, -1) + 1
        parameters.append(Parameter(f"{path}_{number}" if number else path, array))
    return tuple(parameters)


def _decompress(content: bytes, max_bytes: int) -> bytes:
    """Return at most the first `max_bytes` bytes of compressed content."""
    try:
        with _COMPRESSIONS[content[:2]](io.BytesIO(content)) as stream:
            return bytes(stream.read(max_bytes))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("damaged or cut short: it cannot be decompressed") from error


def _arrays(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """Yield each array once, in order; iterative, since pickles can be nested deeply."""
    stack, seen = [(name, value)], set()
    while stack:
        path, item = stack.pop()
        spend(steps=1, memory=len(path))
        if id(item) in seen:
            continue
        if isinstance(item, list | tuple | dict | InertObject):
            seen.add(id(item))
        array = decode_array(item)
        if array is not None and not isinstance(array, list):
            yield path or "arr_0", array
            continue
        children = _numbered(path, array) if isinstance(array, list) else _children(path, item)
        stack.extend(reversed(children))


def _children(path: str, value: Any) -> _NamedValues:
    """Return the contents of a value, with their paths."""
    if isinstance(value, list | tuple):
        return _numbered(path, value)
    if isinstance(value, dict):
        spend(steps=len(value), memory=len(value) * (len(path) + _MEMORY_PER_ITEM))
        return [(_join(path, key), item) for key, item in value.items() if key not in _GRAPH_ATTRIBUTES]
    return _object_children(path, value) if isinstance(value, InertObject) else []


def _object_children(path: str, value: InertObject) -> _NamedValues:
    if isinstance(value.factory, GlobalRef) and value.factory.name in ("TensorConstant", "dtype"):
        return []
    state = value.state if isinstance(value.state, dict) else {}
    if "storage" in state:
        storage = state["storage"]
        return [(path, storage[0] if isinstance(storage, list) and len(storage) == 1 else storage)]
    if "container" in state:
        return [(state["name"] if isinstance(state.get("name"), str) else path, state["container"])]
    arguments = value.arguments if isinstance(value.arguments, tuple) else ()
    contents = _children(path, value.entries) + _numbered(path, value.items) + _children(path, value.state)
    return [*((path, argument) for argument in arguments), *contents]


def _numbered(path: str, items: Any) -> _NamedValues:
    if len(items) == 1:
        return [(path, items[0])]
    spend(steps=len(items), memory=len(items) * (len(path) + _MEMORY_PER_ITEM))
    return [(_join(path, number), item) for number, item in enumerate(items)]


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
