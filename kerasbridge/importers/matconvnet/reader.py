"""Read the variables of a .mat file of either version."""

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.matconvnet import mat5
from kerasbridge.importers.matconvnet.values import Damaged, Value
from kerasbridge.importers.source_file import SourceFile

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_BEGINS = (0, 512, 1024, 2048)
"""The offsets at which HDF5 may begin; MATLAB writes a header of 512 bytes before it."""


def matches(file: SourceFile) -> bool:
    """Return whether the first bytes of a file are those of a .mat file."""
    return mat5.matches(file.head) or (file.head.startswith(b"MATLAB") and _is_hdf5(file))


def variables(file: SourceFile) -> dict[str, Value]:
    """Return the variables of a .mat file by name.

    Raises:
        LegacyFileError: the file is corrupt, or is not a .mat file.
    """
    try:
        if mat5.matches(file.head):
            return mat5.read(file.content)
        if _is_hdf5(file):
            from kerasbridge.importers.matconvnet import mat73

            return mat73.read(file.path)
    except Damaged as damage:
        raise LegacyFileError(f"{file.path} {damage}: expected a whole .mat file.") from damage
    raise LegacyFileError(f"{file.path} is not a .mat file of version 5 or 7.3.")


def _is_hdf5(file: SourceFile) -> bool:
    return any(file.head[at : at + 8] == _HDF5 for at in _HDF5_BEGINS)
