"""NumPy's .npy and .npz files: arrays, and arrays of pickled objects, which are read without unpickling."""

import re
from collections.abc import Iterator

from kerasbridge.files import npy
from kerasbridge.files.archives import Archive
from kerasbridge.importers.ir.weights import Parameter
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.theano import pickle_params

_AUTOMATIC_NAME = re.compile(r"arr_(\d+)")


def matches(file: SourceFile) -> bool:
    """Return whether it is an .npy file, or a zip file whose first member is one."""
    return file.head.startswith(npy.MAGIC) or (file.head.startswith(b"PK\x03\x04") and b".npy" in file.head[:300])


def read(file: SourceFile) -> tuple[Parameter, ...]:
    """Return the arrays; those with names from NumPy in the order of their numbers, as zip files may have another.

    Raises:
        ValueError: the file is invalid; the message is a phrase that follows "FILE is".
    """
    if file.head.startswith(npy.MAGIC):
        return tuple(_read_npy("", file.content))
    archive = Archive(file.content)
    names = [name.removesuffix(".npy") for name in archive.names if name.endswith(".npy")]
    names.sort(key=_number)
    return tuple(parameter for name in names for parameter in _read_npy(name, archive.read(f"{name}.npy")))


def _number(name: str) -> int:
    match = _AUTOMATIC_NAME.fullmatch(name)
    return int(match[1]) if match else 0


def _read_npy(name: str, content: bytes) -> Iterator[Parameter]:
    label = name or "its array"
    try:
        header = npy.read_header(content)
        if not header.dtype.hasobject:
            yield Parameter(name, npy.read_array(content))
            return
    except npy.DamagedArray as error:
        raise ValueError(f"damaged: {label} {error}") from error
    yield from pickle_params.read_pickles(content[header.start :], name)
