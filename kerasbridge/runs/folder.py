"""A folder to write a run into: there from the start where nothing was, and in the place of an old run at the end.

What a training has done is kept: once an epoch has ended the folder stays, whatever happens then. Before that, and
where an old run is to be replaced, a failure leaves everything as it was.
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
"""How the folder was chosen, and another can be: on the command line, or by the argument of `kb.fit`."""


def default_folder(model: str, backend: str, started: datetime) -> Path:
    """`runs/<date-time>-<model>-<backend>` below the current folder, numbered where that is taken."""
    name = f"{started.astimezone():%Y%m%d-%H%M%S}-{model}-{backend}"
    folder, number = Path("runs", name), 2
    while os.path.lexists(folder):
        folder, number = Path("runs", f"{name}-{number}"), number + 1
    return folder


def check_writable(folder: Path, overwrite: bool = False, chosen: str = BY_COMMAND) -> None:
    """Refuse a folder that a run cannot be written into, before the run is trained; leaves nothing behind.

    Args:
        folder: where the run is to be; it and the folders above it need not be there.
        overwrite: whether a run that is there may be replaced.
        chosen: how another folder is chosen, `BY_COMMAND` or `BY_ARGUMENT`, for the errors.

    Raises:
        RunFolderError: it is no folder, is not empty, holds something else than a run, or cannot be written.
    """
    with wrap_os_errors(folder, chosen):
        if os.path.lexists(folder) and not folder.is_dir():
            raise RunFolderError(f"{folder} is a file: expected a run folder, choose another {chosen}.")
        if _is_filled(folder):
            _check_replaceable(folder, overwrite, chosen)
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        Path(tempfile.mkdtemp(prefix=".kerasbridge-", dir=existing)).rmdir()


def tensorboard_command(events: Path) -> str:
    """What to type to look at a folder of TensorBoard's files.

    >>> tensorboard_command(Path("runs/first run/tensorboard"))
    "tensorboard --logdir 'runs/first run/tensorboard'"
    """
    return shlex.join(["tensorboard", "--logdir", str(events)])


@contextlib.contextmanager
def timestamped_folder(folder: Path, overwrite: bool = False, chosen: str = BY_COMMAND) -> Iterator[Path]:
    """A folder to write a run into: `folder` itself, or one that takes its place once the body has ended well.

    Where the body fails, also by Ctrl-C, a folder of its own stays if an epoch is in its history; else everything is
    as it was before.

    Args:
        folder, overwrite, chosen: as for `check_writable`.

    Yields:
        An empty folder on the same disk.

    Raises:
        RunFolderError: as for `check_writable`, or the folder could not be made or take its place. What the body
            raises is left as it is.
    """
    check_writable(folder, overwrite, chosen)
    of_the_body: list[OSError] = []
    place = _replacing(folder) if _is_filled(folder) else _filling(folder)
    with wrap_os_errors(folder, chosen, of_the_body), _parents(folder), place as new:
        try:
            yield new
        except OSError as error:
            of_the_body.append(error)
            raise


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Where to write a file that is then there as a whole, or not at all."""
    part = path.with_name(f".new-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a run: a `config.json` that kerasbridge wrote."""
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
def wrap_os_errors(folder: Path, chosen: str, but: Collection[OSError] = ()) -> Iterator[None]:
    """The system's errors in one sentence, but for some."""
    try:
        yield
    except OSError as error:
        if isinstance(error, RunFolderError) or error in but:
            raise
        raise RunFolderError(
            f"The run folder {folder} cannot be written ({error.strerror or error}): choose another {chosen}."
        ) from error


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _check_replaceable(folder: Path, overwrite: bool, chosen: str) -> None:
    if not overwrite:
        replace = ", or replace the run in it with --overwrite" if chosen == BY_COMMAND else ""
        raise RunFolderError(f"{folder} is not empty: choose another folder {chosen}{replace}.")
    if not is_run(folder):
        raise RunFolderError(
            f"{folder} is not empty and holds no run ({CONFIG} of kerasbridge), so --overwrite does not replace it: "
            f"choose another folder {chosen}."
        )


@contextlib.contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    """`folder` itself, made where it is not there."""
    made = not folder.exists()
    if made:
        folder.mkdir()
    (folder / CONFIG).touch(exist_ok=False)  # whoever comes second finds a folder that is not empty
    try:
        yield folder
    except BaseException:
        if not has_history(folder):
            _clear(folder, made)
        raise


def _clear(folder: Path, made: bool) -> None:
    """Remove what belongs to a run, and the folder if it was made for it."""
    for name in (CONFIG, MODEL, CURVES, HISTORY, TABLE):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    shutil.rmtree(folder / EVENTS, ignore_errors=True)
    if made:
        with contextlib.suppress(OSError):  # somebody put something else there
            folder.rmdir()


@contextlib.contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A folder inside `folder`, whose content takes the place of the old run."""
    holder = Path(tempfile.mkdtemp(prefix=".kerasbridge-", dir=folder))
    try:
        new = holder / "new"  # mkdtemp's own folder is closed to everyone else
        new.mkdir()
        yield new
        swap_in(folder, holder, last=CONFIG)
    finally:
        shutil.rmtree(holder / "new", ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty where an old run could not be brought back
            holder.rmdir()


@contextlib.contextmanager
def _parents(folder: Path) -> Iterator[None]:
    """The folders above `folder`; those that were missing go again if the body fails and left nothing in them."""
    missing = [path for path in folder.absolute().parents if not path.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise
