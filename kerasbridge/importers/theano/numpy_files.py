"""NumPy's .npy and .npz: arrays, and pickled lists of arrays in them, which are read without unpickling."""

import io
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasbridge.importers.io.archives import Archive
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameter
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.theano import pickle_params

_MAGIC = b"\x93NUMPY"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_NUMBERED = re.compile(r"arr_(\d+)")


def matches(file: SourceFile) -> bool:
    """Return whether it is an .npy, or a zip file whose first member is one."""
    return file.head.startswith(_MAGIC) or (file.head.startswith(b"PK\x03\x04") and b".npy" in file.head[:300])


def read(file: SourceFile) -> tuple[Parameter, ...]:
    """The arrays; those that NumPy has numbered in the order of their numbers, as zip files may have another.

    Raises:
        ValueError: what the file is instead, to follow its name and "is".
    """
    if file.head.startswith(_MAGIC):
        return tuple(_parameters("", file.content))
    archive = Archive(file.content)
    names = [name for name in archive.names if name.endswith(".npy")]
    return tuple(one for name in sorted(names, key=_number) for one in _parameters(name[:-4], archive.read(name)))


def _number(name: str) -> int:
    found = _NUMBERED.fullmatch(name[:-4])
    return int(found[1]) if found else 0


def _parameters(name: str, content: bytes) -> Iterator[Parameter]:
    stream = io.BytesIO(content)
    shape, fortran, dtype = _header(stream, name)
    if dtype.hasobject:
        yield from pickle_params.parameters(content[stream.tell() :], name)
        return
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f"damaged: {name or 'its array'} of shape {shape} has not that many numbers")
    array: Array = np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")
    yield Parameter(name, array.astype(dtype.newbyteorder("="), copy=False))


def _header(stream: io.BytesIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        found: tuple[tuple[int, ...], bool, np.dtype[Any]] = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"damaged: {name or 'what it holds'} is no array as numpy.save writes it") from error
    if found[2].itemsize == 0 or any(size < 0 for size in found[0]):
        raise ValueError(f"damaged: {name or 'its array'} has the shape {found[0]}")
    return found
