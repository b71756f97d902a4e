"""Write files and folders so that each is complete or absent, whenever the process dies or the power fails.

The new content is written next to its path, synchronised with the disk, and renamed; then the folder is synchronised.
What a dead process left has a name that begins with `PREFIX`.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasbridge.errors import ArgumentError

PREFIX = ".kerasbridge-"
"""The beginning of the names of temporary files, staging folders and locks."""

_MAX_SHOWN = 80  # letters of an argument in an error
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # file systems that do not synchronise folders


@contextlib.contextmanager
def atomic_write(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Provide a temporary path for a file, which replaces the file at `path` if the body succeeds.

    A link stays: the file that it names is replaced.

    Args:
        path: the path of the file.
        folder: a folder on the same disk for the temporary path; by default that of the file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder, "a.txt")) as part:
    ...         _ = part.write_text("new")
    ...     Path(folder, "a.txt").read_text()
    'new'
    """
    suffix, path = path.suffix, Path(os.path.realpath(path))
    part = temporary_path(folder / path.name if folder else path).with_suffix(suffix)
    try:
        yield part
        _sync(part)
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Provide a new temporary folder, which is moved to `path` if the body succeeds; nothing may be there."""
    part = temporary_path(path)
    try:
        part.mkdir()
        yield part
        sync_tree(part)
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_folder(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder with its content; a process that dies meanwhile leaves no part of it under its name."""
    part = temporary_path(path)
    path.rename(part)
    sync_folder(path.parent)
    shutil.rmtree(part)


def remove_leftovers(folder: Path, keep: str = "") -> None:
    """Remove what dead processes left in a folder that no other process writes into.

    Args:
        folder: the folder.
        keep: the name of the lock of this process.
    """
    for entry in folder.iterdir():
        if entry.name.startswith(PREFIX) and entry.name != keep:
            shutil.rmtree(entry) if is_real_folder(entry) else entry.unlink()


def temporary_path(path: Path) -> Path:
    """Return an unused path in the folder of `path`, with the same suffix."""
    return path.with_name(f"{PREFIX}{secrets.token_hex(6)}{path.suffix}")


def to_path(path: Any, expected: str) -> Path:
    """Return a path as a `Path`, with the home folder for "~".

    Args:
        path: what the user passed, of any type.
        expected: for the error: "run_dir to be the path of a folder".

    Raises:
        ArgumentError: it is no path.
    """
    try:
        text = os.fspath(path)
        if isinstance(text, str) and text and "\0" not in text:
            return Path(text).expanduser()
    except (TypeError, RuntimeError):  # RuntimeError: "~" of an unknown user
        pass
    received = repr(path) if isinstance(path, str | bytes | int | float | list | dict | None) else type(path).__name__
    raise ArgumentError(f"Expected {expected}, received {received[:_MAX_SHOWN]}.")


def is_real_folder(path: Path) -> bool:
    """Return whether a path is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def has_text_name(path: Path) -> bool:
    """Return whether a path can be printed and stored: other names of files are no valid UTF-8, or contain a null."""
    try:
        return b"\0" not in str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False


def check_output(path: Path, overwrite: bool, expected: str = "a path") -> None:
    """Refuse a path that a file cannot be written to, before it is computed.

    Args:
        path: the path that the user names.
        overwrite: whether an existing file may be replaced.
        expected: the beginning of the messages after "Expected": "--output to be a path".

    Raises:
        ArgumentError: its folder does not exist, something exists there that must not be replaced, or is no file.
    """
    if not has_text_name(path):
        raise ArgumentError(f"Expected {expected} with a name in UTF-8, received {str(path)!r}.")
    if not path.absolute().parent.is_dir():
        raise ArgumentError(f"Expected {expected} in a folder that exists, received {path}.")
    if os.path.lexists(path) and not overwrite:
        raise ArgumentError(
            f"Expected {expected} that does not exist, received {path}. To replace it: overwrite=True, --overwrite."
        )
    if path.exists() and (not path.is_file() or not os.access(path, os.W_OK)):
        kind = "a folder" if path.is_dir() else "read-only" if path.is_file() else "not a regular file"
        raise ArgumentError(f"Expected {expected} that can be replaced, received {path}, which is {kind}.")


def sync_tree(folder: Path) -> None:
    """Synchronise all files and folders below a folder with the disk, and the folder itself."""
    for root, _, names in os.walk(folder, topdown=False):
        for path in (Path(root, name) for name in names):
            if path.is_file():  # no pipe of the user
                _sync(path)
        sync_folder(Path(root))


def sync_folder(folder: Path) -> None:
    """Synchronise the names in a folder with the disk; Windows has no such operation."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)


def _sync(file: Path) -> None:
    """Synchronise a file with the disk; Windows needs one that is open for writing."""
    descriptor = os.open(file, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
