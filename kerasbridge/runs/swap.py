"""One run in the place of another, both or neither."""

import shutil
from pathlib import Path


def swap_in(folder: Path, holder: Path, last: str) -> None:
    """Move what is in `folder` to `holder`/old and what is in `holder`/new to `folder`, both or neither.

    The folder itself stays: it may be a mounted disk, a link, or the shell's current folder.

    Args:
        folder: where a run is.
        holder: a folder inside it, with the new run in `new`.
        last: the file that is moved last, as it says that a run is there.

    Raises:
        OSError: something could not be moved; the old run is back where it was, or where that failed too, in
            `holder`/old.
    """
    new, old = holder / "new", holder / "old"
    old.mkdir()
    try:
        _move(folder, old, last, leave=holder)
        try:
            _move(new, folder, last)
        except BaseException:
            _move(folder, new, last, leave=holder)
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
