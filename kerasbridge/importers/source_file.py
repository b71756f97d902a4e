"""The files of a model: read once, never trusted."""

from functools import cached_property
from pathlib import Path

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend

MAX_BYTES = 2**31 - 1
"""The largest size of a protobuf message; models of the older frameworks are smaller."""


class SourceFile:
    """A file of an older framework, or a folder, which has no content of its own.

    Args:
        path: the path of the file or folder.

    Raises:
        LegacyFileError: the file does not exist, cannot be read, is empty or is too large.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.is_folder:
            return
        if not self.path.is_file():
            raise LegacyFileError(f"{path} does not exist or is not a file.")
        size = self.path.stat().st_size
        if not 0 < size <= MAX_BYTES:
            raise LegacyFileError(f"{path} has {size:,} bytes: expected a model, of at most {MAX_BYTES:,}.")

    @property
    def is_folder(self) -> bool:
        """Return whether it is a folder; only some formats, such as SavedModel, accept one."""
        return self.path.is_dir()

    @property
    def name(self) -> str:
        """The name of the file or folder, without its path."""
        return self.path.absolute().name

    @cached_property
    def content(self) -> bytes:
        """The whole content."""
        if self.is_folder:
            raise LegacyFileError(f"Expected a file, received {self.path}, which is a folder.")
        spend(memory=self.path.stat().st_size)
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise LegacyFileError(f"{self.path} cannot be read: {error.strerror}.") from error

    @cached_property
    def head(self) -> bytes:
        """The first 65,536 bytes, for detecting the format; empty for a folder."""
        if self.is_folder:
            return b""
        try:
            with self.path.open("rb") as file:
                return file.read(1 << 16)
        except OSError as error:
            raise LegacyFileError(f"{self.path} cannot be read: {error.strerror}.") from error
