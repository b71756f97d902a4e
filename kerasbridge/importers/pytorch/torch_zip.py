"""What `torch.save` wrote: a pickle, and the storages that it points to.

Since 1.6 a zip file with data.pkl and a member for each storage; before that pickles and storages one after the other.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kerasbridge.importers.io.archives import Archive
from kerasbridge.importers.io.pickles import GlobalRef, InertObject, PersistentId
from kerasbridge.importers.io.pickles import read as read_pickle
from kerasbridge.importers.pytorch.dtypes import STORAGE_DTYPES, ByteOrder, Storage
from kerasbridge.importers.source_file import SourceFile

_MAGIC = 0x1950A86A20F9469CFC6C
_BEGINS = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_WIDTHS = {"f8": 8, "f4": 4, "f2": 2, "bfloat16": 2, "i8": 8, "i4": 4, "i2": 2, "i1": 1, "u1": 1, "?": 1}
_WIDTHS |= {"c8": 8, "c16": 16}

FindStorage = Callable[[Any], Storage]
"""Finds the storage that a persistent identity names."""


def matches(file: SourceFile) -> bool:
    """Return whether it begins as one of the two."""
    head = file.head
    in_zip = head.startswith(b"PK\x03\x04") and any(word in head for word in (b"/data.pkl", b"/data/", b"/code/"))
    return in_zip or head.startswith(_BEGINS)


def read(file: SourceFile) -> tuple[Any, FindStorage]:
    """What the pickle describes, and how to find storages.

    Raises:
        ValueError: what the file is instead, to follow its name and "is".
    """
    return _from_rows(file.content) if file.head.startswith(_BEGINS) else _from_zip(Archive(file.content))


def _from_zip(archive: Archive) -> tuple[Any, FindStorage]:
    root = next((name[: -len("data.pkl")] for name in archive.names if name.endswith("data.pkl")), None)
    if root is None:
        raise ValueError("a zip file without data.pkl: expected what torch.save writes")
    order: ByteOrder = (
        ">" if f"{root}byteorder" in archive.names and archive.read(f"{root}byteorder") == b"big" else "<"
    )
    described, _ = read_pickle(archive.read(f"{root}data.pkl"))
    found: dict[str, bytes] = {}

    def storage(identity: Any) -> Storage:
        dtype, key = _identified(identity)
        if key not in found:
            found[key] = archive.read(f"{root}data/{key}")
        return Storage(dtype, found[key], order)

    return described, storage


def _from_rows(content: bytes) -> tuple[Any, FindStorage]:
    """Magic number, version, what machine it was, the pickle, the keys of storages, and these, each after its size."""
    head, place = [], 0
    for _ in range(5):
        value, place = read_pickle(content, place)
        head.append(value)
    magic, _, machine, described, keys = head
    if magic != _MAGIC or not isinstance(keys, list):
        raise ValueError("no file of torch.save's")
    order: ByteOrder = ">" if isinstance(machine, dict) and machine.get("little_endian") is False else "<"
    widths = {key: _WIDTHS[dtype] for dtype, key in map(_identified, _persistent(described))}
    found: dict[str, bytes] = {}
    for key in map(str, keys):
        numbers = int.from_bytes(content[place : place + 8], "little" if order == "<" else "big")
        size = numbers * widths.get(key, 1)
        found[key] = content[place + 8 : place + 8 + size]
        place += 8 + size
    return described, lambda identity: _kept(found, identity, order)


def _kept(found: dict[str, bytes], identity: Any, order: ByteOrder) -> Storage:
    dtype, key = _identified(identity)
    if key not in found:
        raise ValueError(f"damaged: its storage {key} is missing")
    return replace(Storage(dtype, found[key]), byte_order=order)


def _identified(identity: Any) -> tuple[str, str]:
    """Type and key of ("storage", torch.FloatStorage, "0", "cpu", 100)."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise ValueError("damaged: a tensor has no storage")
    kind = identity[1].name if isinstance(identity[1], GlobalRef) else str(identity[1])[:40]
    if kind not in STORAGE_DTYPES:
        raise ValueError(f"a file of tensors in a {kind}, which is not read here")
    return STORAGE_DTYPES[kind], str(identity[2])


def _persistent(value: Any) -> list[Any]:
    """The identities of all that lies outside of a pickle."""
    waiting, seen, found = [value], set(), []
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, PersistentId):
            found.append(one.value)
        elif isinstance(one, InertObject):
            waiting += [one.arguments, one.state, one.items, one.entries]
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
    return found
