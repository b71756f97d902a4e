"""Untrusted zip files: sizes are checked before anything is unpacked."""

import io
import zipfile
import zlib
from pathlib import Path
from typing import IO

from kerasbridge.files.budget import spend

MAX_MEMBERS = 100_000
"""Members of a zip file; models have thousands."""

_MEMORY_PER_MEMBER = 1_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what NumPy, PyTorch and Keras write; others expand at once

# Raised by zipfile for files that are truncated, damaged (ValueError among them) or encrypted (RuntimeError).
ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError, IndexError, KeyError,
    NotImplementedError,
)  # fmt: skip


class DamagedArchive(ValueError):
    """A zip file is invalid; the message is a noun phrase that follows the file's name and "is"."""


class Archive:
    """The members of a zip file, by name, in the file's order.

    Args:
        file: the bytes of the file, its path, or the open file.

    Raises:
        DamagedArchive: it is not a valid zip file, or is larger than the limits.
    """

    def __init__(self, file: bytes | Path | IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(file) if isinstance(file, bytes) else file)
        except ZIP_ERRORS as error:
            raise DamagedArchive("a zip file that is damaged or cut short") from error
        self._members = {member.filename: member for member in self._zip.infolist()}
        if len(self._zip.infolist()) > MAX_MEMBERS:
            raise DamagedArchive(f"a zip file of more than {MAX_MEMBERS:,} members")
        spend(steps=len(self._members), memory=len(self._members) * _MEMORY_PER_MEMBER)
        self.names = tuple(self._members)

    def size(self, name: str) -> int:
        """Return the size of a member when it is unpacked, as the file states it."""
        return self._member(name).file_size

    def is_compressed(self, name: str) -> bool:
        """Return whether the content of a member is not stored as it is."""
        return self._member(name).compress_type != zipfile.ZIP_STORED

    def read(self, name: str, max_bytes: int | None = None) -> bytes:
        """Return the content of a member; no more is unpacked than the file states.

        Args:
            max_bytes: the number of bytes from its start, if not all are wanted.
        """
        member = self._member(name)
        size = member.file_size if max_bytes is None else min(member.file_size, max_bytes)
        spend(memory=size)
        try:
            with self._zip.open(member) as stream:
                content = stream.read(size)  # without a size it would unpack all that is stored
        except ZIP_ERRORS as error:
            raise DamagedArchive(f"a zip file whose member {name} is damaged") from error
        if len(content) != size:
            raise DamagedArchive(f"a zip file whose member {name} is cut short")
        return content

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise DamagedArchive(f"a zip file without {name}")
        member = self._members[name]
        if member.compress_type not in _METHODS:
            raise DamagedArchive(f"a zip file whose member {name} is compressed with an unusual method")
        return member


def is_outside(name: str) -> bool:
    """Return whether the name of a member leads out of the folder that an archive is unpacked into.

    >>> is_outside("assets/words.txt"), is_outside("assets/../../words.txt"), is_outside("C:\\\\words.txt")
    (False, True, True)
    """
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or ":" in parts[0] or ".." in parts
