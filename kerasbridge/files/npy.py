"""NumPy's .npy arrays, which are the members of an .npz file: nothing is unpickled, and no size is trusted."""

import io
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.files.archives import Archive
from kerasbridge.files.budget import spend
from kerasbridge.files.regular import problem

MAGIC = b"\x93NUMPY"
_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_MAX_DIMENSIONS = 64
HEADER_BYTES = 2**16
"""The number of bytes that contain the whole header of any array."""


class DamagedArray(ValueError):
    """An array is invalid; the message is a predicate that follows its name."""


@dataclass(frozen=True)
class Header:
    """The content of the header of an array.

    Attributes:
        shape, dtype: of the array.
        fortran: whether the first axis varies fastest.
        start: the position of the numbers in the content.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def nbytes(self) -> int:
        """The size of the numbers in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(content: bytes) -> Header:
    """Read the header of an array.

    Raises:
        DamagedArray: it is not one that `numpy.save` writes.
    """
    stream = io.BytesIO(content)
    try:
        shape, fortran, dtype = _READ_HEADER[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # it is parsed as Python: what it contains decides what is raised
        raise DamagedArray("is not an array as written by numpy.save") from error
    if len(shape) > _MAX_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise DamagedArray("has a damaged header: its shape is invalid")
    return Header(shape, bool(fortran), dtype, stream.tell())


def read_array(content: bytes) -> NDArray[Any]:
    """Return an array of numbers or text, in native byte order; it shares the memory of the content.

    Raises:
        DamagedArray: it is damaged, or contains pickled objects.
    """
    header = read_header(content)
    if header.dtype.hasobject:
        raise DamagedArray("contains pickled Python objects, which are never loaded: save an array of numbers")
    if header.dtype.itemsize == 0 or header.nbytes != len(content) - header.start:
        shape = _shorten(header.shape)
        reason = f"an array of shape {shape} does not have that many numbers"
        raise DamagedArray(f"is truncated or damaged ({reason}): create the file again")
    return _from_buffer(content, header)


def read_file(path: Path, names: Collection[str] | None = None) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Return the array of an .npy file, or the arrays of an .npz file by name.

    Args:
        names: those of the arrays of an .npz file that are wanted; by default all.

    Raises:
        ValueError: the file is damaged, or not of one of these kinds; the message is a clause about it.
        OSError: it cannot be read.
    """
    if reason := problem(path):
        raise ValueError(f"it {reason}")
    with path.open("rb") as file:
        is_array = file.read(len(MAGIC)) == MAGIC
    if is_array:
        spend(memory=2 * path.stat().st_size)
        return read_array(path.read_bytes()).copy()
    archive = Archive(path)
    members = [name for name in archive.names if name.endswith(".npy")]
    wanted = [name for name in members if names is None or name.removesuffix(".npy") in names]
    spend(memory=sum(map(archive.size, wanted)))
    return {name.removesuffix(".npy"): read_array(archive.read(name)).copy() for name in wanted}


def _from_buffer(content: bytes, header: Header) -> NDArray[Any]:
    array: NDArray[Any] = np.frombuffer(content, header.dtype, offset=header.start)
    array = array.reshape(header.shape, order="F" if header.fortran else "C")
    if header.dtype.isnative:
        return array
    spend(memory=header.nbytes)
    return array.astype(header.dtype.newbyteorder("="))


def _shorten(shape: tuple[int, ...]) -> str:
    return str(shape) if len(str(shape)) < 80 else f"{str(shape)[:80]} …"
