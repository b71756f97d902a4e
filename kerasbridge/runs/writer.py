"""Write a run during training: its folder grows with each epoch and is complete at the end."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kerasbridge.errors import PackageNotInstalled
from kerasbridge.runs import curves
from kerasbridge.runs.config import Config, timestamp
from kerasbridge.runs.folder import (
    BY_COMMAND,
    CURVES,
    MODEL,
    atomic_write,
    has_history,
    wrap_os_errors,
    writable_folder,
)
from kerasbridge.runs.history import History

WrapErrors = Callable[[], contextlib.AbstractContextManager[None]]


class RunWriter:
    """Writer of a run during its training.

    Args:
        folder: the run folder, or one that replaces it at the end.
        config: the configuration as far as it is known at the start.
        wrap_errors: a context manager that converts an OSError to a RunFolderError.

    Attributes:
        folder: the folder that is written into.
        config: the current configuration.
        without_curves: why there is no plot of the curves, if a package is missing: one sentence.

    Raises:
        RunFolderError: a file cannot be written, as on a full disk; the methods raise it too.
    """

    def __init__(self, folder: Path, config: Config, wrap_errors: WrapErrors) -> None:
        self.folder, self.config = folder, config
        self.without_curves: str | None = None
        self._history, self._wrap_errors = History(folder), wrap_errors
        with self._wrap_errors():
            config.write(folder)

    @property
    def epochs_done(self) -> int:
        """The number of epochs that have ended."""
        return len(self._history)

    def add_epoch(self, epoch: int, seconds: float, logs: Mapping[str, Any]) -> None:
        """Add the logs of an epoch that has ended, counted from 1."""
        with self._wrap_errors():
            self._history.add(epoch, seconds, logs)

    def finish(self, save: Callable[[Path], object], **changes: Any) -> None:
        """Write the model, the curves, and last the configuration, which completes the run.

        Args:
            save: a function that writes the model to a path.
            changes: fields of the configuration to set.
        """
        with self._wrap_errors():
            with atomic_write(self.folder / MODEL) as path:
                save(path)
            self.config = replace(self.config, **changes, finished=timestamp())
            if self.epochs_done:
                self._draw()
            self.config.write(self.folder)

    def _draw(self) -> None:
        try:
            with atomic_write(self.folder / CURVES) as path:
                title = f"{self.config.model} on {self.config.backend}, {self.config.device}"
                curves.draw(path, self._history.columns(), self.config.test, title)
        except PackageNotInstalled as missing:
            self.without_curves = str(missing)


@contextlib.contextmanager
def create(folder: Path, config: Config, overwrite: bool = False, chosen: str = BY_COMMAND) -> Iterator[RunWriter]:
    """Create a run to train; the body calls `finish` at its end.

    If the body fails after an epoch has ended, the folder with the history is kept, which a note on the exception
    states; before that, or while an old run is being replaced, everything is restored.

    Args:
        folder, overwrite, chosen: as for `writable_folder`.
        config: the configuration as far as it is known at the start.

    Raises:
        RunFolderError: as for `writable_folder`.
    """
    run: RunWriter | None = None
    try:
        with writable_folder(folder, overwrite, chosen) as target:
            run = RunWriter(target, config, partial(wrap_os_errors, folder, chosen))
            yield run
    except BaseException as error:
        if run is not None and has_history(run.folder):
            error.add_note(_note(run, error))
        raise


def _note(run: RunWriter, error: BaseException) -> str:
    ending = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    saved = "and the model are" if (run.folder / MODEL).exists() else "is"
    lost = "" if (run.folder / MODEL).exists() else ", no model was saved"
    return f"{ending} after {run.epochs_done} of {run.config.epochs} epochs: the history {saved} in {run.folder}{lost}."
