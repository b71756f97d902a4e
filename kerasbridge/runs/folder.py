"""The folder that a run is written into: a new one is created at the start, an old run is replaced at the end.

Once an epoch has ended, a new folder is kept whatever happens. If training fails before that, or while an old run is
being replaced, everything is restored.
"""

import contextlib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kerasbridge.errors import RunFolderError
from kerasbridge.runs.swap import swap_in

CONFIG = "config.json"
MODEL = "model.keras"
CURVES = "curves.png"
HISTORY = "history.jsonl"
TABLE = "history.csv"
EVENTS = "tensorboard"

BY_COMMAND, BY_ARGUMENT = "with --run-dir", "for run_dir"
"""How the user chooses a folder, for error messages: on the command line, or by the argument of `kb.fit`."""


def default_folder(model: str, backend: str, started: datetime) -> Path:
    """Return `runs/<date-time>-<model>-<backend>`, with a number appended if it already exists."""
    name = f"{started.astimezone():%Y%m%d-%H%M%S}-{model}-{backend}"
    folder, number = Path("runs", name), 2
    while os.path.lexists(folder):
        folder, number = Path("runs", f"{name}-{number}"), number + 1
    return folder


def check_writable(folder: Path, overwrite: bool = False, chosen: str = BY_COMMAND) -> None:
    """Check, before a run is trained, that it can be written into a folder; nothing is changed.

    Args:
        folder: the run folder; it and its parents need not exist.
        overwrite: whether an existing run may be replaced.
        chosen: how the user chooses a folder, `BY_COMMAND` or `BY_ARGUMENT`, for the errors.

    Raises:
        RunFolderError: it is not a folder, is not empty, contains something other than a run, or cannot be written.
    """
    with wrap_os_errors(folder, chosen):
        if os.path.lexists(folder) and not folder.is_dir():
            raise RunFolderError(f"{folder} is a file: expected a run folder, choose another {chosen}.")
        if _is_nonempty(folder):
            _check_replaceable(folder, overwrite, chosen)
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        Path(tempfile.mkdtemp(prefix=".kerasbridge-", dir=existing)).rmdir()


def tensorboard_command(events: Path) -> str:
    """Return the command that shows a folder of TensorBoard files.

    >>> tensorboard_command(Path("runs/first run/tensorboard"))
    "tensorboard --logdir 'runs/first run/tensorboard'"
    """
    return shlex.join(["tensorboard", "--logdir", str(events)])


@contextlib.contextmanager
def writable_folder(folder: Path, overwrite: bool = False, chosen: str = BY_COMMAND) -> Iterator[Path]:
    """Provide a folder to write a run into: `folder` itself, or one that replaces it when the body succeeds.

    If the body fails, or is interrupted by Ctrl-C, a new folder is kept if its history has an epoch; otherwise
    everything is restored.

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
    target = _replacement_folder(folder) if _is_nonempty(folder) else _new_folder(folder)
    with wrap_os_errors(folder, chosen, body_errors), _parents(folder), target as new:
        try:
            yield new
        except OSError as error:
            body_errors.append(error)
            raise


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Provide a temporary path for a file, which is moved to `path` if the body succeeds."""
    part = path.with_name(f".new-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def is_run(folder: Path) -> bool:
    """Return whether a folder contains a run: a `config.json` that kerasbridge wrote."""
    try:
        return written_by_kerasbridge(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
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


def _is_nonempty(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _check_replaceable(folder: Path, overwrite: bool, chosen: str) -> None:
    if not overwrite:
        replace = ", or replace the run in it with --overwrite" if chosen == BY_COMMAND else ""
        raise RunFolderError(f"{folder} is not empty: choose another folder {chosen}{replace}.")
    if not is_run(folder):
        raise RunFolderError(
            f"{folder} is not empty and contains no run ({CONFIG} of kerasbridge), so --overwrite does not replace it: "
            f"choose another folder {chosen}."
        )


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Provide `folder` itself, created if it does not exist."""
    created = not folder.exists()
    if created:
        folder.mkdir()
    (folder / CONFIG).touch(exist_ok=False)  # for another process the folder is not empty now
    try:
        yield folder
    except BaseException:
        if not has_history(folder):
            _clear(folder, created)
        raise


def _clear(folder: Path, created: bool) -> None:
    """Remove the files of a run, and the folder if it was created for the run."""
    for name in (CONFIG, MODEL, CURVES, HISTORY, TABLE):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    shutil.rmtree(folder / EVENTS, ignore_errors=True)
    if created:
        with contextlib.suppress(OSError):  # not empty if someone else put files there
            folder.rmdir()


@contextlib.contextmanager
def _replacement_folder(folder: Path) -> Iterator[Path]:
    """Provide a folder inside `folder`, whose content replaces the old run."""
    staging = Path(tempfile.mkdtemp(prefix=".kerasbridge-", dir=folder))
    try:
        new = staging / "new"  # only the owner may read the folder that mkdtemp creates
        new.mkdir()
        yield new
        swap_in(folder, staging, last=CONFIG)
    finally:
        shutil.rmtree(staging / "new", ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty if the old run could not be restored
            staging.rmdir()


@contextlib.contextmanager
def _parents(folder: Path) -> Iterator[None]:
    """Create the missing parents of `folder`; remove them if the body fails and they are empty."""
    missing = [path for path in folder.absolute().parents if not path.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise
