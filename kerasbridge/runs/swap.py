"""Replace one run by another, completely or not at all."""

import shutil
from pathlib import Path


def swap_in(folder: Path, staging: Path, last: str) -> None:
    """Move the content of `folder` to `staging`/old and that of `staging`/new to `folder`, both or neither.

    The folder itself is kept: it may be a mounted disk, a link, or the current folder of a shell.

    Args:
        folder: the folder of the old run.
        staging: a folder inside it, with the new run in `new`.
        last: the file that is moved last, which marks the folder as a run.

    Raises:
        OSError: a file could not be moved; the old run is restored, or if that failed too, it is in `staging`/old.
    """
    new, old = staging / "new", staging / "old"
    old.mkdir()
    try:
        _move(folder, old, last, leave=staging)
        try:
            _move(new, folder, last)
        except BaseException:
            _move(folder, new, last, leave=staging)
            raise
    except BaseException:
        _move(old, folder, last)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _move(source: Path, target: Path, last: str, leave: Path | None = None) -> None:
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name == last):
        if entry != leave:
            entry.rename(target / entry.name)
