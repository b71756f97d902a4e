"""The folder that a run is written into: a new one is created at the start, an old run is replaced at the end.

Whether a folder may be used is decided once, under its lock. Once an epoch has ended, a new folder is kept whatever
happens. If training fails before that, or while an old run is being replaced, everything is restored.
"""

import contextlib
import itertools
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kerasbridge.errors import RunFolderError
from kerasbridge.runs import contents, lock, swap
from kerasbridge.runs.contents import CHECKPOINTS, CONFIG, HISTORY
from kerasbridge.runtime.files import PREFIX, has_text_name, remove_leftovers

BY_COMMAND, BY_ARGUMENT = "with --run-dir", "for run_dir"
"""How the user chooses a folder, for error messages: on the command line, or by the argument of `kb.fit`."""


def default_folders(model: str, backend: str, started: datetime) -> Iterator[Path]:
    """Yield `runs/<date-time>-<model>-<backend>`, then the same with a number appended."""
    name = f"{started.astimezone():%Y%m%d-%H%M%S}-{model}-{backend}"
    yield Path("runs", name)
    for number in itertools.count(2):
        yield Path("runs", f"{name}-{number}")


def check_writable(folder: Path | None, overwrite: bool = False, chosen: str = BY_COMMAND) -> None:
    """Check, before a run is trained, that it can be written into a folder; nothing is changed.

    Args:
        folder: the run folder; it and its parents need not exist. None for a new one below `runs`.
        overwrite: whether an existing run may be replaced.
        chosen: how the user chooses a folder, `BY_COMMAND` or `BY_ARGUMENT`, for the errors.

    Raises:
        RunFolderError: it is not a folder, is not empty, contains something other than a run, cannot be written, or
            another training writes into it.
    """
    top = folder or Path("runs")
    _check_name(top, chosen)
    with wrap_os_errors(top, chosen):
        if folder and os.path.lexists(folder) and not folder.is_dir():
            raise RunFolderError(f"{folder} is a file: expected a run folder, choose another {chosen}.")
        if folder and folder.is_dir():
            with lock.lock(folder, chosen):
                _check_free(folder, overwrite, chosen)
        else:
            parent = top.absolute() if folder is None else top.absolute().parent
            existing = next(path for path in (parent, *parent.parents) if path.exists())
            Path(tempfile.mkdtemp(prefix=PREFIX, dir=existing)).rmdir()


def tensorboard_command(events: Path) -> str:
    """Return the command that shows a folder of TensorBoard files.

    >>> tensorboard_command(Path("runs/first run/tensorboard"))
    "tensorboard --logdir 'runs/first run/tensorboard'"
    """
    return shlex.join(["tensorboard", "--logdir", str(events)])


@contextlib.contextmanager
def writable_folder(folder: Path, overwrite: bool = False, chosen: str = BY_COMMAND) -> Iterator[Path]:
    """Provide a folder to write a run into: `folder` itself, or one that replaces its run when the body succeeds.

    The folder is locked meanwhile. If the body fails, or is interrupted by Ctrl-C, a new folder is kept if it has the
    history of an epoch or a checkpoint; otherwise everything is restored.

    Args:
        folder, overwrite, chosen: as for `check_writable`.

    Yields:
        An empty folder on the same disk.

    Raises:
        RunFolderError: as for `check_writable`, or the folder cannot be created or replaced. Exceptions of the body
            are not changed.
    """
    check_writable(folder, overwrite, chosen)
    body_errors: list[OSError] = []
    with wrap_os_errors(folder, chosen, body_errors), created_folder([folder]), lock.lock(folder, chosen):
        _tidy(folder)
        with _replacement(folder) if _check_free(folder, overwrite, chosen) else _new_run(folder) as target:
            try:
                yield target
            except OSError as error:
                body_errors.append(error)
                raise


@contextlib.contextmanager
def created_folder(candidates: Iterable[Path], must_be_new: bool = False) -> Iterator[Path]:
    """Create the first of some folders, with its parents; if the body fails, remove those of them that are empty.

    Args:
        candidates: the folders.
        must_be_new: whether a folder that exists is skipped.

    Raises:
        OSError: a folder cannot be created.
    """
    made: list[Path] = []
    try:
        yield next(folder for folder in candidates if _make(folder, made) or not must_be_new)
    except BaseException:
        for path in reversed(made):
            with contextlib.suppress(OSError):  # not empty
                path.rmdir()
        raise


@contextlib.contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Lock an existing run to add files to it, after what a dead process left there is completed or removed.

    Raises:
        RunFolderError: another training writes into it.
        OSError: it cannot be written.
    """
    with lock.lock(folder):
        _tidy(folder)
        yield


def is_run(folder: Path) -> bool:
    """Return whether a folder contains a run: a `config.json` that kerasbridge wrote."""
    try:
        return written_by_kerasbridge(json.loads(swap.read(folder, CONFIG)))
    except (OSError, ValueError, RecursionError):
        return False


def written_by_kerasbridge(config: Any) -> bool:
    """Return whether the content of a `config.json` was written by kerasbridge."""
    versions = config.get("versions") if isinstance(config, dict) else None
    return isinstance(versions, dict) and "kerasbridge" in versions


def has_history(folder: Path) -> bool:
    """Return whether an epoch of a run has ended."""
    try:
        return (folder / HISTORY).stat().st_size > 0
    except OSError:
        return False


@contextlib.contextmanager
def wrap_os_errors(folder: Path, chosen: str, exceptions: Collection[OSError] = ()) -> Iterator[None]:
    """Convert each OSError to a RunFolderError, with some exceptions."""
    try:
        yield
    except OSError as error:
        if isinstance(error, RunFolderError) or error in exceptions:
            raise
        raise RunFolderError(
            f"The run folder {folder} cannot be written ({error.strerror or error}): choose another {chosen}."
        ) from error


def _check_name(folder: Path, chosen: str) -> None:
    """Refuse a name that cannot be printed, or stored in `config.json`."""
    if not has_text_name(folder):
        raise RunFolderError(
            f"Expected a run folder with a name in UTF-8, received {str(folder)!r}: choose another {chosen}."
        )


def _check_free(folder: Path, overwrite: bool, chosen: str) -> bool:
    """Return whether a folder contains a run that may be replaced; raise if it contains something else.

    Files that are no part of a run stay when it is replaced.
    """
    if not swap.is_unfinished(folder) and all(entry.name.startswith(PREFIX) for entry in folder.iterdir()):
        return False
    if not overwrite:
        others = (
            ", continue the run in it with --resume, or replace it with --overwrite" if chosen == BY_COMMAND else ""
        )
        raise RunFolderError(f"{folder} is not empty: choose another folder {chosen}{others}.")
    if not is_run(folder) and not _was_killed_at_start(folder):
        raise RunFolderError(
            f"{folder} is not empty and contains no run ({CONFIG} of kerasbridge), so --overwrite does not replace it: "
            f"choose another folder {chosen}."
        )
    if name := contents.obstacle(folder):
        raise RunFolderError(
            f"{folder / name} was not written by kerasbridge, so --overwrite does not replace it: move it, or choose "
            f"another folder {chosen}."
        )
    return True


def _was_killed_at_start(folder: Path) -> bool:
    """Return whether a folder contains nothing but an empty `config.json`."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(PREFIX)]
    return [entry.name for entry in entries] == [CONFIG] and entries[0].is_file() and not entries[0].stat().st_size


def _tidy(folder: Path) -> None:
    """Complete or remove what a dead process left in a locked folder."""
    swap.finish(folder)
    remove_leftovers(folder, keep=lock.NAME)


def _make(folder: Path, made: list[Path]) -> bool:
    """Create a folder and its missing parents, and add them to a list; return whether the folder is new."""
    try:
        try:
            folder.mkdir()
        except FileNotFoundError:
            if folder.parent == folder:
                raise
            _make(folder.parent, made)
            folder.mkdir()
    except FileExistsError:
        return False
    made.append(folder)
    return True


@contextlib.contextmanager
def _new_run(folder: Path) -> Iterator[Path]:
    """Provide `folder` itself, and clear it if the body fails before it has made progress."""
    try:
        yield folder
    except BaseException:
        if not has_history(folder) and not any((folder / CHECKPOINTS).glob("*")):
            _clear(folder)
        raise


def _clear(folder: Path) -> None:
    """Remove the files of a run; those of others stay."""
    for name in sorted(contents.files_of_run(folder), key=lambda name: name == CONFIG):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    swap.remove_empty_folders(folder)


@contextlib.contextmanager
def _replacement(folder: Path) -> Iterator[Path]:
    """Provide a folder inside `folder`, whose run replaces the old one."""
    staging = swap.start(folder)
    try:
        yield staging
        swap.swap_in(folder)
    finally:
        if not swap.is_unfinished(folder):
            shutil.rmtree(staging, ignore_errors=True)
