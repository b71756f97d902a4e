"""Untrusted zip files: sizes are checked before anything is unpacked."""

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from kerasbridge.files.budget import spend

MAX_MEMBERS = 100_000
"""Members of a zip file; models have thousands."""

_MEMORY_PER_MEMBER = 1_000
_NAME_LENGTH, _LOCAL_HEADER = 26, 30  # offsets in the header of a member (APPNOTE 4.3.7)
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

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a member as a file with a position, without a copy of one that is not compressed."""
        member, path = self._member(name), self._zip.filename
        if path is None or self.is_compressed(name):
            yield io.BytesIO(self.read(name))
            return
        with Path(path).open("rb") as file:
            file.seek(member.header_offset + _NAME_LENGTH)
            name_length, extra_length = struct.unpack("<HH", file.read(4).ljust(4, b"\0"))
            start = member.header_offset + _LOCAL_HEADER + name_length + extra_length
            yield io.BufferedReader(_Part(file, start, member.file_size))

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


class _Part(io.RawIOBase):
    """A part of a file, as a file of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(origin + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._position)
        content = self._file.read(max(min(len(buffer), self._size - self._position), 0))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)


def is_outside(name: str) -> bool:
    """Return whether the name of a member leads out of the folder that an archive is unpacked into.

    >>> is_outside("assets/words.txt"), is_outside("assets/../../words.txt"), is_outside("C:\\\\words.txt")
    (False, True, True)
    """
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "" or ":" in parts[0] or ".." in parts
