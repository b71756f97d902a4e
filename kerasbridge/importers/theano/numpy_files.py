"""NumPy's .npy and .npz files: arrays, and arrays of pickled objects, which are read without unpickling."""

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
_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_AUTOMATIC_NAME = re.compile(r"arr_(\d+)")


def matches(file: SourceFile) -> bool:
    """Return whether it is an .npy file, or a zip file whose first member is one."""
    return file.head.startswith(_MAGIC) or (file.head.startswith(b"PK\x03\x04") and b".npy" in file.head[:300])


def read(file: SourceFile) -> tuple[Parameter, ...]:
    """Return the arrays; those with names from NumPy in the order of their numbers, as zip files may have another.

    Raises:
        ValueError: the file is invalid; the message is a phrase that follows "FILE is".
    """
    if file.head.startswith(_MAGIC):
        return tuple(_read_npy("", file.content))
    archive = Archive(file.content)
    names = [name.removesuffix(".npy") for name in archive.names if name.endswith(".npy")]
    names.sort(key=_number)
    return tuple(parameter for name in names for parameter in _read_npy(name, archive.read(f"{name}.npy")))


def _number(name: str) -> int:
    match = _AUTOMATIC_NAME.fullmatch(name)
    return int(match[1]) if match else 0


def _read_npy(name: str, content: bytes) -> Iterator[Parameter]:
    stream = io.BytesIO(content)
    shape, fortran, dtype = _read_header(stream, name)
    start = stream.tell()
    if dtype.hasobject:
        yield from pickle_params.read_pickles(content[start:], name)
        return
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(f"damaged: {name or 'its array'} of shape {shape} does not have that many numbers")
    array: Array = np.frombuffer(content, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    yield Parameter(name, array.astype(dtype.newbyteorder("="), copy=False))


def _read_header(stream: io.BytesIO, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = _READ_HEADER[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, EOFError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"damaged: {name or 'its content'} is not an array as numpy.save writes it") from error
    shape, _, dtype = header
    if dtype.itemsize == 0 or any(size < 0 for size in shape):
        raise ValueError(f"damaged: {name or 'its array'} has the shape {shape}")
    return header
