"""Write a run during training: its folder grows with each epoch and is complete at the end."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from kerasbridge.errors import PackageNotInstalled
from kerasbridge.runs import curves, swap
from kerasbridge.runs.config import Config, read, timestamp
from kerasbridge.runs.contents import CHECKPOINTS, CURVES, MODEL
from kerasbridge.runs.folder import (
    BY_COMMAND,
    created_folder,
    default_folders,
    has_history,
    locked_run,
    wrap_os_errors,
    writable_folder,
)
from kerasbridge.runs.history import History
from kerasbridge.runtime.files import atomic_write, sync_tree

WrapErrors = Callable[[], contextlib.AbstractContextManager[None]]


class RunWriter:
    """Writer of a run during its training.

    Args:
        folder: the run folder.
        target: the folder to write into: the same, or one that replaces it at the end.
        config: the configuration as far as it is known at the start.
        wrap_errors: a context manager that converts an OSError to a RunFolderError.
        is_new: whether the run begins; otherwise nothing is written before `continue_after`.

    Attributes:
        folder: the run folder.
        target: the folder that is written into.
        config: the current configuration.
        is_open: whether the run grows: it is new, or `continue_after` was called.
        was_finished: whether an existing run had finished.
        without_curves: why there is no plot of the curves, if a package is missing: one sentence.

    Raises:
        RunFolderError: a file cannot be written, as on a full disk; the methods raise it too.
    """

    def __init__(
        self, folder: Path, target: Path, config: Config, wrap_errors: WrapErrors, is_new: bool = True
    ) -> None:
        self.folder, self.target, self.config = folder, target, config
        self.without_curves: str | None = None
        self._history, self.wrap_errors = History(target), wrap_errors
        self.is_open, self.was_finished = is_new, False
        if is_new:
            with self.wrap_errors():
                config.write(target)

    def continue_after(self, epochs: int) -> None:
        """Continue the run in the folder after its first epochs; the history of later ones is removed."""
        self.is_open = True
        with self.wrap_errors():
            self.config.write(self.target)
            self._history.truncate(epochs)

    @property
    def epochs_done(self) -> int:
        """The number of epochs that have ended."""
        return len(self._history)

    def add_epoch(self, epoch: int, seconds: float, logs: Mapping[str, Any]) -> None:
        """Add the logs of an epoch that has ended, counted from 1."""
        with self.wrap_errors():
            self._history.add(epoch, seconds, logs)

    def validation_of(self, epoch: int) -> dict[str, float]:
        """Return loss and metrics of the validation after an epoch, counted from 1; {} without one."""
        return self._history.validation_of(epoch)

    def finish(self, save: Callable[[Path], object], **changes: Any) -> None:
        """Write the model, the curves, and last the configuration, which completes the run.

        Args:
            save: a function that writes the model to a path.
            changes: fields of the configuration to set.
        """
        with self.wrap_errors():
            with atomic_write(self.target / MODEL) as path:
                save(path)
            self.config = replace(self.config, **changes, finished=timestamp())
            if self.epochs_done:
                self._draw()
            sync_tree(self.target)  # the history too, before the run counts as complete
            self.config.write(self.target)

    def _draw(self) -> None:
        try:
            with atomic_write(self.target / CURVES) as path:
                title = f"{self.config.model} on {self.config.backend}, {self.config.device}"
                curves.draw(path, self._history.columns(), self.config.test, title)
        except PackageNotInstalled as missing:
            self.without_curves = str(missing)


@contextlib.contextmanager
def create(
    folder: Path | None, config: Config, overwrite: bool = False, chosen: str = BY_COMMAND
) -> Iterator[RunWriter]:
    """Create a run to train; the body calls `finish` at its end.

    If the body fails after an epoch has ended, the folder with the history is kept, which a note on the exception
    states; before that, or while an old run is being replaced, everything is restored.

    Args:
        folder: the run folder; None for a new one, named by time, model and backend.
        config: the configuration as far as it is known at the start.
        overwrite, chosen: as for `writable_folder`.

    Raises:
        RunFolderError: as for `writable_folder`.
    """
    if folder is None:
        candidates = default_folders(config.model, config.backend, datetime.fromisoformat(config.started))
        with _default_folder(candidates) as new, create(new, config) as writer:
            yield writer
        return
    run: RunWriter | None = None
    try:
        with writable_folder(folder, overwrite, chosen) as target:
            run = RunWriter(folder, target, config, partial(wrap_os_errors, folder, chosen))
            yield run
    except BaseException as error:
        if run is not None and (note := _note(run, error)):
            error.add_note(note)
        raise


@contextlib.contextmanager
def reopen(folder: Path, config: Config, chosen: str = BY_COMMAND) -> Iterator[RunWriter]:
    """Open an existing run to continue it; the body calls `continue_after`, and `finish` at its end.

    Args:
        folder: the run folder.
        config: the configuration of what continues it.
        chosen: as for `writable_folder`.

    Raises:
        RunFolderError: the folder cannot be written, or another training writes into it.
    """
    wrap_errors = partial(wrap_os_errors, folder, chosen)
    body_errors: list[OSError] = []
    with wrap_os_errors(folder, chosen, body_errors), locked_run(folder):
        before = read(folder)
        run = RunWriter(folder, folder, replace(config, started=before.started), wrap_errors, is_new=False)
        run.was_finished = before.finished is not None
        try:
            yield run
        except OSError as error:
            body_errors.append(error)
            raise
        except BaseException as error:
            if note := _note(run, error):
                error.add_note(note)
            raise


@contextlib.contextmanager
def _default_folder(candidates: Iterator[Path]) -> Iterator[Path]:
    body_errors: list[OSError] = []
    with wrap_os_errors(Path("runs"), BY_COMMAND, body_errors), created_folder(candidates, must_be_new=True) as folder:
        try:
            yield folder
        except OSError as error:
            body_errors.append(error)
            raise


def _note(run: RunWriter, error: BaseException) -> str | None:
    """Return what is left of a run that failed, or None if nothing is, or it is as before."""
    is_signal = isinstance(error, KeyboardInterrupt | SystemExit)
    if swap.is_unfinished(run.folder):
        return f"The new run is complete nevertheless, and is found in {run.folder}."
    if run.target != run.folder or not run.is_open:
        return f"interrupted: the earlier run in {run.folder} is unchanged." if is_signal else None
    has_checkpoint = any((run.target / CHECKPOINTS).glob("[0-9]*"))
    kept = ["the history"] if has_history(run.target) else []
    if has_checkpoint:
        kept.append("a checkpoint")
    elif (run.target / MODEL).exists():
        kept.append("the model")
    if not kept:
        return None
    ending = "interrupted" if is_signal else "failed"
    saved = f"{' and '.join(kept)} {'are' if len(kept) > 1 else 'is'}"
    lost = ", no model was saved" if kept == ["the history"] else ""
    return f"{ending} after {run.epochs_done} of {run.config.epochs} epochs: {saved} in {run.folder}{lost}."
