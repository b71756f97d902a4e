"""A temporary folder next to an output, locked while its process lives; what a dead process left in one is recovered.

The kernel frees the lock of a folder when its process dies. Windows has no such lock, so there nothing is recovered.
"""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasbridge.runtime.files import PREFIX, is_real_folder, sync_folder

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("kerasbridge")
STAGING = f"{PREFIX}output-"
_OLD = "old-"
"""The beginning of the name of a folder that is moved away while the new one is moved to its place."""

_COMPLETE = ".complete"
"""A file that marks that the outputs in a staging folder are complete, and are being moved into place."""


@contextlib.contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """Provide a temporary folder in a folder, which is deleted when the body ends.

    Raises:
        OSError: it cannot be created.
    """
    folder, lock = _create(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def move_into_place(folder: Path) -> None:
    """Move all that is in a staging folder to the folder that contains it, replacing what exists there."""
    (folder / _COMPLETE).touch()
    sync_folder(folder)
    for entry in _outputs(folder):
        _replace(entry, folder.parent / entry.name)
    sync_folder(folder.parent)


def recover_outputs(parent: Path) -> None:
    """Remove what dead processes left in a folder that they wrote an output into.

    If one died as it moved complete outputs into place, the others are moved too: files that belong together, or a
    folder, whose path is free for a moment. What has been changed since stays.
    """
    if sys.platform == "win32" or not parent.is_dir():
        return
    for folder in sorted(parent.glob(f"{STAGING}*")):
        with contextlib.suppress(OSError):  # not ours to remove, or another process has removed it
            lock = _lock(folder, wait=False)
            if lock is None:
                continue
            try:
                _recover(folder, parent)
            finally:
                os.close(lock)


def _create(parent: Path) -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=parent))
        if sys.platform == "win32":
            return folder, None
        lock = _lock(folder, wait=True)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)  # another process took the folder for that of a dead one, before it was locked


def _lock(folder: Path, wait: bool) -> int | None:
    """Return the descriptor of a locked folder; None if its process lives, or if it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if not wait or isinstance(error, BlockingIOError):
            os.close(descriptor)
            return None
    return descriptor


def _recover(folder: Path, parent: Path) -> None:
    complete = folder / _COMPLETE
    if complete.exists():
        for entry in _outputs(folder):
            target = parent / entry.name
            if not os.path.lexists(target) or target.lstat().st_mtime_ns <= complete.stat().st_mtime_ns:
                _replace(entry, target)
                log.warning("kerasbridge: completed %s, since a process died as it wrote it.", target)
    shutil.rmtree(folder, ignore_errors=True)


def _outputs(folder: Path) -> list[Path]:
    """Return the outputs that are still in a staging folder."""
    return sorted(entry for entry in folder.iterdir() if entry.name != _COMPLETE and not entry.name.startswith(_OLD))


def _replace(source: Path, target: Path) -> None:
    """Replace a file or folder; an existing folder is moved away first, and back if the new one cannot be moved."""
    if not is_real_folder(target):
        source.replace(target)
        return
    old = target.rename(source.with_name(f"{_OLD}{source.name}"))
    try:
        source.rename(target)
    except BaseException:
        old.rename(target)
        raise
