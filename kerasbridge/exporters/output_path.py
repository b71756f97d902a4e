"""Where an exported file comes to lie: beside its place first, and in it once it is known to be right."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.errors import ArgumentError


def check(path: Path, overwrite: bool) -> None:
    """Refuse a place that cannot be written to.

    Raises:
        ArgumentError: its folder is not there, or something is in it that may not be replaced.
    """
    if not path.absolute().parent.is_dir():
        raise ArgumentError(f"Expected a path in a folder that exists, received {path}.")
    if os.path.lexists(path) and not overwrite:
        raise ArgumentError(
            f"Expected a path where nothing is, received {path}. To replace it: overwrite=True, --overwrite."
        )


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A path of the same name in a folder beside it; gone when the body ends, with all that was not put in place.

    Raises:
        ArgumentError: the place cannot be written to.
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
    """Move what is in the staging folder to where the path is, in the place of what is there.

    Returns:
        How many bytes it has.
    """
    size = sum(file.stat().st_size for file in staged.parent.rglob("*") if file.is_file())
    for entry in sorted(staged.parent.iterdir(), key=lambda entry: entry == staged):
        _replace(entry, path.absolute().parent / entry.name)
    return size


def _replace(source: Path, target: Path) -> None:
    """A folder takes the place of another by two moves: the old one is whole in either name."""
    if target.is_dir() and not target.is_symlink():
        target.rename(source.with_name(f"old-{source.name}"))
    source.replace(target)
