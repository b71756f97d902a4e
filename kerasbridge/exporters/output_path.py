"""Write an exported file to a temporary path, and move it into place once it is verified."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.errors import ArgumentError


def check(path: Path, overwrite: bool) -> None:
    """Refuse a path that cannot be written to.

    Raises:
        ArgumentError: its folder does not exist, or the path exists and must not be replaced.
    """
    if not path.absolute().parent.is_dir():
        raise ArgumentError(f"Expected a path in a folder that exists, received {path}.")
    if os.path.lexists(path) and not overwrite:
        raise ArgumentError(
            f"Expected a path that does not exist, received {path}. To replace it: overwrite=True, --overwrite."
        )


@contextlib.contextmanager
def staging_path(path: Path) -> Iterator[Path]:
    """Yield a path of the same name in a temporary folder next to it, which is deleted when the body ends.

    Raises:
        ArgumentError: the folder of the path cannot be written to.
    """
    try:
        folder = tempfile.mkdtemp(prefix=".kerasbridge-", dir=path.absolute().parent)
    except OSError as error:
        raise ArgumentError(f"Expected a path that can be written to, received {path}: {error}") from error
    try:
        yield Path(folder, path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commit(staged: Path, path: Path) -> int:
    """Move all files of the staging folder to the folder of the path, replacing existing ones.

    Returns:
        The size in bytes.
    """
    size = sum(file.stat().st_size for file in staged.parent.rglob("*") if file.is_file())
    for entry in sorted(staged.parent.iterdir(), key=lambda entry: entry == staged):
        _replace(entry, path.absolute().parent / entry.name)
    return size


def _replace(source: Path, target: Path) -> None:
    """Replace a file or folder; an existing folder is moved away first, so that no state is half written."""
    if target.is_dir() and not target.is_symlink():
        target.rename(source.with_name(f"old-{source.name}"))
    source.replace(target)
