"""Replace one run by another in a folder: whenever the process dies, one of the two is complete and found.

The new run is written into a folder inside the old one. Once it is complete, a list of its files is written there in
one step: from then on the folder is the new run, wherever its files are. Then the files of the old run are removed,
those of the new one moved, and the list is removed. `finish` continues from any point; `locate` finds each file
meanwhile. Files that are no part of a run stay.
"""

import contextlib
import json
import logging
import os
import shutil
from pathlib import Path

from kerasbridge.files.regular import read_text
from kerasbridge.runs import lock
from kerasbridge.runs.contents import CONFIG, FOLDERS, files_of_run, is_file_of_run
from kerasbridge.runtime.files import PREFIX, atomic_write, is_real_folder, sync_folder, sync_tree

log = logging.getLogger("kerasbridge")
STAGING = f"{PREFIX}new"
_LIST = "files.json"


def start(folder: Path) -> Path:
    """Create the folder for a new run inside that of the old one; the caller has its lock."""
    staging = folder / STAGING
    staging.mkdir()
    return staging


def swap_in(folder: Path) -> None:
    """Replace the run in a folder by the complete one in its staging folder; the caller has its lock.

    The folder itself is kept: it may be a mounted disk, a link, or the current folder of a shell.

    Raises:
        OSError: a file cannot be written or moved. One of the runs is complete and found.
    """
    staging = folder / STAGING
    sync_tree(staging)
    sync_folder(folder)
    names = sorted(files_of_run(staging))
    with atomic_write(staging / _LIST) as part:
        part.write_text(json.dumps(names), encoding="utf-8")
    finish(folder)


def finish(folder: Path) -> None:
    """Complete a replacement that a process began, if there is one; the caller has the lock of the folder.

    Raises:
        OSError: a file cannot be moved.
    """
    new = _files_of_new_run(folder)
    if new is None:
        return
    staging = folder / STAGING
    if (staging / CONFIG).exists():
        (folder / CONFIG).unlink(missing_ok=True)  # first: without it there is no run, and not parts of two
    for name in set(files_of_run(folder)) - new:
        (folder / name).unlink()
    for name in sorted(new, key=lambda name: name == CONFIG):
        if (staging / name).exists():
            _make_parents(folder, name)
            (staging / name).replace(folder / name)
    remove_empty_folders(folder)
    for name in _real_folders(folder):
        sync_tree(folder / name)
    sync_folder(folder)
    (staging / _LIST).unlink()
    shutil.rmtree(staging)


def try_to_finish(folder: Path) -> None:
    """Complete a replacement whose process died, and remove its lock, where this is possible.

    Reading does not depend on it. A training that was killed before it was complete stays, and is named in the log.
    """
    if not os.path.lexists(folder / lock.NAME) and not os.path.lexists(folder / STAGING):
        return
    with contextlib.suppress(OSError), lock.lock(folder, patience=0):
        finish(folder)
        if (folder / STAGING).exists():
            log.warning(
                "kerasbridge: %s contains %s, of a training that was killed before it could replace the run: the next "
                "one with --overwrite removes it.",
                folder,
                STAGING,
            )


def is_unfinished(folder: Path) -> bool:
    """Return whether a replacement has begun: the new run is complete, but not all of its files are at their place."""
    return _files_of_new_run(folder) is not None


def locate(folder: Path, name: str) -> Path:
    """Return the path of a file of the run in a folder, also while it is being replaced."""
    new = _files_of_new_run(folder)
    if new is None:
        return folder / name
    staged = folder / STAGING / name
    return folder / name if name in new and not staged.exists() else staged


def read(folder: Path, name: str) -> str:
    """Read a text file of the run in a folder, also while it is being replaced.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    for _ in range(3):  # it may be moved after it was located
        with contextlib.suppress(FileNotFoundError):
            return read_text(locate(folder, name))
    return read_text(locate(folder, name))


def _files_of_new_run(folder: Path) -> set[str] | None:
    """Return the files of a complete run in the staging folder, or None; the list may contain anything."""
    staging = folder / STAGING
    if not is_real_folder(staging) or not (staging / _LIST).is_file():
        return None
    try:
        names = json.loads(read_text(staging / _LIST))
    except (OSError, ValueError, RecursionError):
        return None
    valid = isinstance(names, list) and all(map(is_file_of_run, names)) and CONFIG in names
    return set(names) if valid else None


def _make_parents(folder: Path, name: str) -> None:
    """Create the folders of a file of a run; a link, which may lead anywhere, is replaced by a folder."""
    for parent in reversed(Path(name).parents[:-1]):
        if (folder / parent).is_symlink():
            (folder / parent).unlink()
        (folder / parent).mkdir(exist_ok=True)


def remove_empty_folders(folder: Path) -> None:
    """Remove the folders of a run that are empty."""
    for name in _real_folders(folder):
        for root, _, _ in os.walk(folder / name, topdown=False):
            with contextlib.suppress(OSError):  # not empty
                Path(root).rmdir()


def _real_folders(folder: Path) -> list[str]:
    return [name for name in FOLDERS if is_real_folder(folder / name)]
