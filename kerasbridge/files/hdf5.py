"""Damage in HDF5 files on which the HDF5 library never ends.

Attributes of variable length are in global heaps (HDF5 File Format Specification 3.0, III.E). The library follows
the sizes of the objects in a heap, and an object that takes no space is followed forever.
"""

import mmap
import struct
from pathlib import Path
from typing import IO, Any

from kerasbridge.files.budget import spend
from kerasbridge.files.memory import limited_memory

_HEAP = b"GCOL\x01\0\0\0"
_HEADER = 16
"""The size of the header of a heap, and of an object in it, for sizes of 8 bytes, which Keras and MATLAB write."""

_STEPS_PER_ITEM = 10

Content = bytes | mmap.mmap


class DamagedHeap(ValueError):
    """A heap is damaged; the message is a predicate that follows the name of the file."""


def check_file(path: Path) -> None:
    """Check the heaps of a file, or of the members of an archive that are not compressed.

    Raises:
        DamagedHeap: one is damaged.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        check(content)


def check_attributes(file: Path | IO[bytes]) -> None:
    """Read the attributes of all groups and arrays, with a limit on the memory that the library allocates for them.

    Raises:
        Exception: one is damaged; the library raises many types.
    """
    import h5py

    def read(_: str, item: Any) -> None:
        spend(steps=_STEPS_PER_ITEM)
        for name in item.attrs:
            spend(steps=_STEPS_PER_ITEM)
            read_attribute(item, name)

    with limited_memory(), h5py.File(file, "r") as root:
        read("", root)
        root.visititems(read)


def read_attribute(item: Any, name: str) -> Any:
    """Return an attribute of a group or array.

    Raises:
        DamagedHeap: it is a list of variable length, which Keras never writes: the library crashes on damaged ones.
        KeyError: it is missing.
    """
    import h5py

    if isinstance(item.attrs.get_id(name).get_type(), h5py.h5t.TypeVlenID):
        raise DamagedHeap(f"is damaged: its attribute {name[:40]!r} is not a text")
    return item.attrs[name]


def check(content: Content) -> None:
    """Check the heaps in the content of a file.

    Raises:
        DamagedHeap: one is damaged.
    """
    start = content.find(_HEAP)
    while start >= 0:
        _check_heap(content, start)
        start = content.find(_HEAP, start + len(_HEAP))


def _check_heap(content: Content, start: int) -> None:
    """Check that each object takes space; the library checks the rest."""
    (size,) = struct.unpack("<Q", content[start + 8 : start + _HEADER].ljust(8, b"\0"))
    end, position = min(start + size, len(content)), start + _HEADER
    while position + _HEADER <= end:
        spend(steps=1)
        index, _, _, length = struct.unpack("<HHIQ", content[position : position + _HEADER])
        taken = length if index == 0 else _HEADER + (length + 7) // 8 * 8
        if taken % 2**64 == 0:  # the library adds in 64 bits
            raise DamagedHeap("is damaged: one of its texts takes no space")
        position += taken
