"""Parameters in a pickle of any shape: lists, dicts, shared variables of Theano, and objects that hold such."""

import bz2
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from kerasbridge.importers.io.pickles import GlobalRef, InertObject, read_all
from kerasbridge.importers.io.pickles.arrays import decode_array
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameter
from kerasbridge.importers.source_file import MAX_BYTES, SourceFile

_BEGINS = re.compile(rb"\x80[\x02-\x05]|\((?:l?p|dp|l?c|d|i|t)|[\]}][q(]|\](?:\)|\x94)|c[\w.]+\n[\w.]+\n|\(l")
_OF_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_COMPRESSED: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}
_OF_A_GRAPH = {"owner", "tag", "clients", "type"}
"""Attributes of Theano's variables that lead to how they are computed."""


def matches(file: SourceFile) -> bool:
    """Return whether it begins as a pickle does, when it is decompressed."""
    try:
        head = _decompressed(file.head, 64) if file.head[:2] in _COMPRESSED else file.head
    except ValueError:
        return False
    return bool(_BEGINS.match(head)) and not head.startswith(_OF_TORCH)


def read(file: SourceFile) -> tuple[Parameter, ...]:
    """The arrays of all pickles in the file.

    Raises:
        ValueError: what the file is instead, to follow its name and "is".
    """
    content = file.content
    if content[:2] in _COMPRESSED:
        content = _decompressed(content, MAX_BYTES)
        if len(content) >= MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES:,} bytes when it is decompressed")
    return parameters(content, "")


def parameters(content: bytes, name: str) -> tuple[Parameter, ...]:
    """The arrays of pickles that follow one another, named after where they are in them."""
    values = read_all(content)
    found = _arrays(name, values[0] if len(values) == 1 else values)
    taken: dict[str, int] = {}
    return tuple(Parameter(_unlike(taken, at), array) for at, array in found)


def _decompressed(content: bytes, most: int) -> bytes:
    """The first bytes of what was compressed."""
    try:
        with _COMPRESSED[content[:2]](io.BytesIO(content)) as stream:
            return bytes(stream.read(most))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("damaged or cut short: it cannot be decompressed") from error


def _unlike(taken: dict[str, int], name: str) -> str:
    """The name, with a number where another array has it."""
    taken[name] = taken.get(name, -1) + 1
    return f"{name}_{taken[name]}" if taken[name] else name


def _arrays(name: str, value: Any) -> Iterator[tuple[str, Array]]:
    """Each array once, in order; without recursion, as a pickle may nest without end."""
    waiting, seen = [(name, value)], set()
    while waiting:
        at, one = waiting.pop()
        if id(one) in seen:
            continue
        if isinstance(one, list | tuple | dict | InertObject):
            seen.add(id(one))
        array = decode_array(one)
        if array is not None and not isinstance(array, list):
            yield at or "arr_0", array
            continue
        inside = _numbered(at, array) if isinstance(array, list) else _inside(at, one)
        waiting.extend(reversed(inside))


def _inside(at: str, one: Any) -> list[tuple[str, Any]]:
    """What something holds, named."""
    if isinstance(one, list | tuple):
        return _numbered(at, one)
    if isinstance(one, dict):
        return [(_joined(at, key), value) for key, value in one.items() if key not in _OF_A_GRAPH]
    return _inside_made(at, one) if isinstance(one, InertObject) else []


def _inside_made(at: str, one: InertObject) -> list[tuple[str, Any]]:
    if isinstance(one.factory, GlobalRef) and one.factory.name in ("TensorConstant", "dtype"):
        return []
    state = one.state if isinstance(one.state, dict) else {}
    if "storage" in state:
        return [(at, _only(state["storage"]))]
    if "container" in state:
        return [(state["name"] if isinstance(state.get("name"), str) else at, state["container"])]
    pairs = _inside(at, one.entries) + _numbered(at, one.items)
    of_arguments = [(at, argument) for argument in one.arguments] if isinstance(one.arguments, tuple) else []
    return of_arguments + pairs + _inside(at, one.state)


def _only(storage: Any) -> Any:
    return storage[0] if isinstance(storage, list) and len(storage) == 1 else storage


def _numbered(at: str, items: Any) -> list[tuple[str, Any]]:
    if len(items) == 1:
        return [(at, items[0])]
    return [(_joined(at, place), item) for place, item in enumerate(items)]


def _joined(at: str, key: object) -> str:
    return f"{at}.{key}" if at else str(key)
