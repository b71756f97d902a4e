"""Read `torch.save` files: a pickle, and the storages that it refers to.

Since torch 1.6 this is a zip file with data.pkl and a member for each storage; before that, pickles and storages in
sequence.
"""

from collections.abc import Callable
from typing import Any

from kerasbridge.files.archives import Archive
from kerasbridge.files.budget import spend
from kerasbridge.files.describe import describe
from kerasbridge.importers.io.pickles import GlobalRef, InertObject, PersistentId
from kerasbridge.importers.io.pickles import read as read_pickle
from kerasbridge.importers.pytorch.dtypes import STORAGE_DTYPES, ByteOrder, Storage
from kerasbridge.importers.source_file import SourceFile

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PICKLED_MAGIC_NUMBER = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_ITEM_SIZES = {"f8": 8, "f4": 4, "f2": 2, "bfloat16": 2, "i8": 8, "i4": 4, "i2": 2, "i1": 1, "u1": 1, "?": 1}
_ITEM_SIZES |= {"c8": 8, "c16": 16}

FindStorage = Callable[[Any], Storage]
"""Returns the storage that a persistent id refers to."""


def matches(file: SourceFile) -> bool:
    """Return whether it begins like one of the two."""
    head = file.head
    in_zip = head.startswith(b"PK\x03\x04") and any(name in head for name in (b"/data.pkl", b"/data/", b"/code/"))
    return in_zip or head.startswith(_PICKLED_MAGIC_NUMBER)


def read(file: SourceFile) -> tuple[Any, FindStorage]:
    """Return the value of the pickle, and the function that finds its storages.

    Raises:
        ValueError: the file is invalid; the message is a phrase that follows "FILE is".
    """
    if file.head.startswith(_PICKLED_MAGIC_NUMBER):
        return _read_sequence(file.content)
    return _read_zip(Archive(file.content))


def _read_zip(archive: Archive) -> tuple[Any, FindStorage]:
    root = next((name.removesuffix("data.pkl") for name in archive.names if name.endswith("data.pkl")), None)
    if root is None:
        raise ValueError("a zip file without data.pkl: expected what torch.save writes")
    big_endian = f"{root}byteorder" in archive.names and archive.read(f"{root}byteorder") == b"big"
    byte_order: ByteOrder = ">" if big_endian else "<"
    value, _ = read_pickle(archive.read(f"{root}data.pkl"))
    contents: dict[str, bytes] = {}

    def find_storage(persistent_id: Any) -> Storage:
        dtype, key = _dtype_and_key(persistent_id)
        if key not in contents:
            contents[key] = archive.read(f"{root}data/{key}")
        return Storage(dtype, contents[key], byte_order)

    return value, find_storage


def _read_sequence(content: bytes) -> tuple[Any, FindStorage]:
    """Read magic number, version, machine, value and the keys of storages; then each storage, after its size."""
    header, position = [], 0
    for _ in range(5):
        pickled, position = read_pickle(content, position)
        header.append(pickled)
    magic_number, _, machine, value, keys = header
    if magic_number != _MAGIC_NUMBER or not isinstance(keys, list):
        raise ValueError("not a torch.save file")
    byte_order: ByteOrder = ">" if isinstance(machine, dict) and machine.get("little_endian") is False else "<"
    item_sizes = {key: _ITEM_SIZES[dtype] for dtype, key in map(_dtype_and_key, _persistent_ids(value))}
    contents: dict[str, bytes] = {}
    for key in (str(key) for key in keys if isinstance(key, str | int)):
        count = int.from_bytes(content[position : position + 8], "little" if byte_order == "<" else "big")
        start, position = position + 8, position + 8 + count * item_sizes.get(key, 1)
        contents[key] = content[start:position]
        spend(steps=1, memory=len(contents[key]))

    def find_storage(persistent_id: Any) -> Storage:
        dtype, key = _dtype_and_key(persistent_id)
        if key not in contents:
            raise ValueError(f"damaged: its storage {key} is missing")
        return Storage(dtype, contents[key], byte_order)

    return value, find_storage


def _dtype_and_key(persistent_id: Any) -> tuple[str, str]:
    """Return the dtype and the key of ("storage", torch.FloatStorage, "0", "cpu", 100)."""
    if not isinstance(persistent_id, tuple) or len(persistent_id) < 5 or persistent_id[0] != "storage":
        raise ValueError("damaged: a tensor has no storage")
    _, kind, key, *_ = persistent_id
    kind = kind.name if isinstance(kind, GlobalRef) else describe(kind)
    if kind not in STORAGE_DTYPES:
        raise ValueError(f"a file of tensors in a {kind[:100]}, which is not supported")
    if not isinstance(key, str | int):
        raise ValueError("damaged: the key of a storage is not text")
    return STORAGE_DTYPES[kind], str(key)


def _persistent_ids(value: Any) -> list[Any]:
    """Return all persistent ids in a value; iterative, since pickles can be nested deeply."""
    stack, seen, persistent_ids = [value], set(), []
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, PersistentId):
            persistent_ids.append(item.value)
        elif isinstance(item, InertObject):
            stack += [item.arguments, item.state, item.items, item.entries]
        elif isinstance(item, dict):
            stack += item.values()
        elif isinstance(item, list | tuple):
            stack += item
    return persistent_ids
