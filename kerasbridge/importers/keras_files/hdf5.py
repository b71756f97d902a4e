"""HDF5 as Keras writes it: attributes that are text, and arrays. Nothing outside the file is opened."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.source_file import SourceFile

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_COMPRESSION_RATIO = 1100
"""How many bytes one byte of a compressed array may stand for: a little more than deflate can do."""

_DAMAGES = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, MemoryError)


@contextlib.contextmanager
def open_file(file: SourceFile) -> Iterator[Any]:
    """The file's root group, while open.

    Raises:
        LegacyFileError: it cannot be read, there or anywhere within.
    """
    import h5py

    try:
        with h5py.File(file.path, "r") as root:
            yield root
    except LegacyFileError:
        raise
    except _DAMAGES as error:
        words = " ".join(str(error).split())
        raise LegacyFileError(f"{file.path} is damaged or cut short: it cannot be read as HDF5 ({words}).") from error


def text_attribute(group: Any, name: str) -> str:
    """An attribute that is text, "" where there is none."""
    return _decoded(group.attrs[name]) if name in group.attrs else ""


def text_list_attribute(group: Any, name: str) -> list[str]:
    """An attribute that is a list of texts, which Keras splits into `name` 0, 1, … where it is long."""
    names = [name] if name in group.attrs else []
    while name not in names and f"{name}{len(names)}" in group.attrs:
        names.append(f"{name}{len(names)}")
    return [_decoded(one) for each in names for one in np.asarray(group.attrs[each]).reshape(-1).tolist()]


def member(group: Any, path: str) -> Any:
    """What lies at a path within the file.

    Raises:
        LegacyFileError: a link on the way leads out of the file.
    """
    import h5py

    for name in filter(None, path.split("/")):
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise LegacyFileError(f"{path!r} is a link, or is not there: expected a group or an array.")
        group = group[name]
    return group


def array(group: Any, path: str) -> Array:
    """The numbers at a path, which are in the file as many as they say.

    Raises:
        LegacyFileError: they are not numbers, lie elsewhere, or are more than the file can hold.
    """
    found = member(group, path)
    if getattr(found, "dtype", None) is None or found.dtype.kind not in "fiu" or found.dtype.subdtype:
        raise LegacyFileError(f"{path!r} holds no numbers.")
    if found.external or found.is_virtual:
        raise LegacyFileError(f"{path!r} has its numbers in another file, which is not opened.")
    stored = found.id.get_storage_size()
    packed = found.id.get_create_plist().get_nfilters() > 0
    if found.nbytes > stored * (MAX_COMPRESSION_RATIO if packed else 1):
        raise LegacyFileError(f"{path!r} says that it has {found.nbytes:,} bytes, of which {stored:,} are there.")
    return np.asarray(found[()])


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
