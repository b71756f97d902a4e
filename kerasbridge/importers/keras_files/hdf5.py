"""Read HDF5 files as Keras writes them: text attributes, and arrays. Nothing outside the file is opened."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend
from kerasbridge.files.hdf5 import DamagedHeap, check_file, read_attribute
from kerasbridge.files.memory import limited_memory
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.source_file import SourceFile

MAX_COMPRESSION_RATIO = 1100
"""The most bytes that one compressed byte can stand for: a little more than deflate reaches."""

_STEPS_PER_ARRAY = 40
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, MemoryError)
"""What h5py raises for damaged files."""


def is_hdf5(file: SourceFile) -> bool:
    """Return whether a file is HDF5."""
    return file.head.startswith(_SIGNATURE)


@contextlib.contextmanager
def open_file(file: SourceFile) -> Iterator[Any]:
    """Open the root group of a file.

    Raises:
        LegacyFileError: the file cannot be read, when it is opened or within the context.
    """
    import h5py

    try:
        check_file(file.path)
        with limited_memory(), h5py.File(file.path, "r") as root:
            yield root
    except LegacyFileError:
        raise
    except DamagedHeap as error:
        raise LegacyFileError(f"{file.path} {error}.") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        raise LegacyFileError(f"{file.path} is damaged or cut short: it cannot be read as HDF5 ({reason}).") from error


def text_attribute(group: Any, name: str) -> str:
    """Return a text attribute; "" if it is missing."""
    return _decode(read_attribute(group, name)) if name in group.attrs else ""


def text_list_attribute(group: Any, name: str) -> list[str]:
    """Return an attribute that is a list of texts; Keras splits a long one into `name` 0, 1, …"""
    names = [name] if name in group.attrs else []
    while name not in names and f"{name}{len(names)}" in group.attrs:
        names.append(f"{name}{len(names)}")
    return [_decode(text) for chunk in names for text in np.asarray(read_attribute(group, chunk)).reshape(-1).tolist()]


def member(group: Any, path: str) -> Any:
    """Return the group or dataset at a path.

    Raises:
        LegacyFileError: the path does not exist, or contains a link that could lead to another file.
    """
    import h5py

    for name in filter(None, path.split("/")):
        spend(steps=_STEPS_PER_ARRAY)
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise LegacyFileError(f"{path!r} is missing or a link: expected a group or an array.")
        group = group[name]
    return group


def array(group: Any, path: str) -> Array:
    """Return the array at a path.

    Raises:
        LegacyFileError: it is not numeric, stored in another file, or larger than its stored bytes can be.
    """
    dataset = member(group, path)
    if getattr(dataset, "dtype", None) is None or dataset.dtype.kind not in "fiu" or dataset.dtype.subdtype:
        raise LegacyFileError(f"{path!r} is not a numeric array.")
    if dataset.external or dataset.is_virtual:
        raise LegacyFileError(f"{path!r} is stored in another file, which is not opened.")
    stored = dataset.id.get_storage_size()
    is_compressed = dataset.id.get_create_plist().get_nfilters() > 0
    if dataset.nbytes > stored * (MAX_COMPRESSION_RATIO if is_compressed else 1):
        raise LegacyFileError(f"{path!r} should have {dataset.nbytes:,} bytes: only {stored:,} are stored.")
    spend(steps=_STEPS_PER_ARRAY, memory=dataset.nbytes)
    return np.asarray(dataset[()])


def _decode(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
