"""Read one run, or all runs in a folder. The files are not trusted, and are checked."""

import importlib
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasbridge.errors import InvalidFileError, RunFileError, RunFolderError
from kerasbridge.runs import config as configs
from kerasbridge.runs import history as histories
from kerasbridge.runs import lock, swap
from kerasbridge.runs.config import Config
from kerasbridge.runs.contents import MODEL
from kerasbridge.runs.folder import is_run
from kerasbridge.runtime.files import to_path
from kerasbridge.runtime.results import Result, Summary

log = logging.getLogger("kerasbridge")
SHOWN_EPOCHS = 10


@dataclass(frozen=True, repr=False)
class Run(Result):
    """A run, as returned by `load` and `list_runs`.

    Attributes:
        folder: the run folder.
        config: settings and results; `config.finished` is None unless the training has finished.
    """

    folder: Path
    config: Config

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def state(self) -> str:
        """ "finished", "training" while a process trains it, or "interrupted"."""
        if self.config.finished:
            return "finished"
        return "training" if lock.is_locked(self.folder) else "interrupted"

    @property
    def scores(self) -> dict[str, float]:
        """Loss and metrics of the saved model, by name: those on the test data, else on the validation data.

        Before the training has ended, those of the last validation; an empty dict without one.
        """
        return scores_of(self.config, self.history)[0]

    @property
    def model_path(self) -> Path:
        """The path of the model; an interrupted run has no file there."""
        return swap.locate(self.folder, MODEL)

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """The numbers of each epoch by name: `epoch`, counted from 1, `seconds`, `loss` and the others.

        NaN if a number was not finite, or is missing in that epoch.

        Raises:
            RunFolderError: the file is damaged.
        """
        return histories.read(self.folder)

    def _summary(self) -> Summary:
        config, history = self.config, _history_if_readable(self)
        known, scored_on = scores_of(config, history)
        scores = "".join(f", {name} {value:.4f}" for name, value in known.items())
        title = f"{self.folder}, {self.state}: {config.model} on {config.backend}, {config.device}"
        rows = [[_cell(value) for value in row] for row in zip(*history.values(), strict=True)]
        earlier = len(rows) - SHOWN_EPOCHS
        notes = [f"{earlier} earlier epochs are in its history."] if earlier > 0 else []
        return Summary(
            f"{title}{scores} ({scored_on})" if scores else title, list(history), rows[-SHOWN_EPOCHS:], notes
        )

    def load_model(self, custom_objects: dict[str, Any] | None = None) -> Any:
        """Load the trained model, compiled, on the backend of this process, which need not be the one that trained it.

        Args:
            custom_objects: custom classes and functions, by the names that the file uses.

        Raises:
            RunFolderError: there is no model, or Keras cannot load it.
        """
        if not self.model_path.is_file():
            reason = "" if self.config.finished else ", as its training did not finish"
            raise RunFolderError(f"{self.folder} contains no {MODEL}{reason}: use another run, or train it again.")
        saving = importlib.import_module("kerasbridge.saving")  # imports Keras, which nothing else here needs
        try:
            return saving.load_model(self.model_path, custom_objects)
        except InvalidFileError as error:
            raise RunFileError(str(error)) from error


class RunList(list[Run]):
    """Runs, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        header = ("run", "state", "model", "backend", "device", "epochs", "scores", "scored on")
        return Summary(f"{len(self)} runs", header, list(map(_row, self))).as_html()


def _row(run: Run) -> list[str]:
    history = _history_if_readable(run)
    scores, scored_on = scores_of(run.config, history)
    values = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    epochs = str(len(history.get("epoch", ())))
    return [
        run.name,
        run.state,
        run.config.model,
        run.config.backend,
        run.config.device,
        epochs,
        values,
        scored_on or "",
    ]


def _history_if_readable(run: Run) -> dict[str, list[float]]:
    try:
        return run.history
    except RunFolderError:  # an error in a representation would hide others
        return {}


def scores_of(config: Config, history: Mapping[str, Sequence[float]]) -> tuple[dict[str, float], str | None]:
    """Return the scores of a run, and the data that they are on: "test", "validation", or None without scores."""
    if config.test:
        return config.test, "test"
    known = config.validation
    if known is None:  # in training or interrupted, or written by an older version
        columns = {name.removeprefix("val_"): values for name, values in history.items() if name.startswith("val_")}
        finite = {name: [value for value in values if math.isfinite(value)] for name, values in columns.items()}
        known = {name: values[-1] for name, values in finite.items() if values}
    return known, "validation" if known else None


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def load(path: str | os.PathLike[str]) -> Run:
    """Load a run from its folder; Keras and the model are only loaded by `load_model`.

    Raises:
        RunFolderError: the folder contains no run, or its files are damaged.

    Example:
        >>> import tempfile
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     history = kb.fit(model, data.x_train / 255, data.y_train, epochs=2, verbose=0, run_dir=folder)
        ...     run = kb.runs.load(folder)
        ...     run.history["loss"] == history.history["loss"], run.load_model().name
        (True, 'mlp')
    """
    folder = to_path(path, "the path of a run folder")
    swap.try_to_finish(folder)
    return Run(folder, configs.read(folder))


def list_runs(folder: str | os.PathLike[str] = "runs") -> list[Run]:
    """List the runs directly in a folder, oldest first, including the folder itself if it is a run.

    A run with a damaged `config.json` is left out, with a warning in the log.

    Raises:
        RunFolderError: the folder cannot be read.

    Example:
        >>> list_runs("no-such-folder")
        []
    """
    parent = to_path(folder, "the path of a folder that contains runs")
    try:
        candidates = [parent, *sorted(path for path in parent.iterdir() if not path.name.startswith("."))]
    except FileNotFoundError:
        return RunList()
    except OSError as error:
        raise RunFolderError(f"{parent} cannot be read: {error.strerror or error}.") from error
    runs = [_load_or_warn(path) for path in candidates if is_run(path)]
    return RunList(sorted((run for run in runs if run), key=lambda run: run.config.started))


def _load_or_warn(folder: Path) -> Run | None:
    try:
        return load(folder)
    except RunFolderError as error:
        log.warning("kerasbridge: %s", error)
        return None
