"""A .mat file's variables, whichever version it is of."""

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.matconvnet import mat5
from kerasbridge.importers.matconvnet.values import Budget, Damaged, Value
from kerasbridge.importers.source_file import SourceFile

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_BEGINS = (0, 512, 1024, 2048)
"""MATLAB puts a header of 512 bytes before it."""


def matches(file: SourceFile) -> bool:
    """Return whether a file begins as MATLAB's do."""
    return mat5.matches(file.head) or (file.head.startswith(b"MATLAB") and _is_hdf5(file))


def variables(file: SourceFile) -> dict[str, Value]:
    """What a .mat file holds, by name.

    Raises:
        LegacyFileError: it is damaged, or no .mat file.
    """
    budget = Budget(file.path.stat().st_size)
    try:
        if mat5.matches(file.head):
            return mat5.read(file.content, budget)
        if _is_hdf5(file):
            from kerasbridge.importers.matconvnet import mat73

            return mat73.read(file.path, budget)
    except Damaged as damage:
        raise LegacyFileError(f"{file.path} {damage}: expected a whole .mat file.") from damage
    raise LegacyFileError(f"{file.path} is no .mat file of version 5 or 7.3, as MATLAB writes them.")


def _is_hdf5(file: SourceFile) -> bool:
    return any(file.head[at : at + 8] == _HDF5 for at in _HDF5_BEGINS)
