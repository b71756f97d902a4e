"""A run in the making: its folder, which grows with each epoch and is complete at the end."""

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
    timestamped_folder,
    wrap_os_errors,
)
from kerasbridge.runs.history import History

WrapErrors = Callable[[], contextlib.AbstractContextManager[None]]


class RunWriter:
    """A run that is being trained.

    Args:
        folder: where to write: the run's folder, or one that takes its place at the end.
        config: what is known at the start.
        wrap_errors: makes one sentence of what the system says of a disk.

    Attributes:
        folder: as given.
        config: what is known by now.
        without_curves: why there are no curves, where a package is missing: one sentence.

    Raises:
        RunFolderError: something cannot be written, as on a full disk; so do its methods.
    """

    def __init__(self, folder: Path, config: Config, wrap_errors: WrapErrors) -> None:
        self.folder, self.config = folder, config
        self.without_curves: str | None = None
        self._history, self._wrap_errors = History(folder), wrap_errors
        with self._wrap_errors():
            config.write(folder)

    @property
    def epochs_done(self) -> int:
        """How many epochs have ended."""
        return len(self._history)

    def add_epoch(self, epoch: int, seconds: float, logs: Mapping[str, Any]) -> None:
        """Add the numbers of the epoch that has ended, counted from 1."""
        with self._wrap_errors():
            self._history.add(epoch, seconds, logs)

    def finish(self, save: Callable[[Path], object], **changes: Any) -> None:
        """Write what makes the run complete: the model, the curves, and last the configuration.

        Args:
            save: writes the model to a path.
            changes: what else is known of the configuration by now.
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
                curves.draw(path, self._history.columns(), self.config.test, self._title())
        except PackageNotInstalled as missing:
            self.without_curves = str(missing)

    def _title(self) -> str:
        return f"{self.config.model} on {self.config.backend}, {self.config.device}"


@contextlib.contextmanager
def create(folder: Path, config: Config, overwrite: bool = False, chosen: str = BY_COMMAND) -> Iterator[RunWriter]:
    """A run to train; the body ends with `finish`.

    Where the body fails after an epoch has ended, the folder stays with its history, and the error gets a note that
    says so; before that, and where an old run was to be replaced, everything is as it was.

    Args:
        folder, overwrite, chosen: as for `timestamped_folder`.
        config: what is known at the start.

    Raises:
        RunFolderError: as for `timestamped_folder`.
    """
    run: RunWriter | None = None
    try:
        with timestamped_folder(folder, overwrite, chosen) as place:
            run = RunWriter(place, config, partial(wrap_os_errors, folder, chosen))
            yield run
    except BaseException as error:
        if run is not None and has_history(run.folder):
            error.add_note(_note(run, error))
        raise


def _note(run: RunWriter, error: BaseException) -> str:
    what = "interrupted" if isinstance(error, KeyboardInterrupt) else "broken off"
    saved = "and the model are" if (run.folder / MODEL).exists() else "is"
    lost = "" if (run.folder / MODEL).exists() else ", no model was saved"
    return f"{what} after {run.epochs_done} of {run.config.epochs} epochs: the history {saved} in {run.folder}{lost}."
