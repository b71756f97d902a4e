"""Runs that are on the disk: one, or all in a folder. Their files may come from anywhere, and are checked."""

import importlib
import logging
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasbridge.errors import RunFolderError
from kerasbridge.runs import config as configs
from kerasbridge.runs import history as histories
from kerasbridge.runs.config import Config
from kerasbridge.runs.folder import MODEL, is_run

log = logging.getLogger("kerasbridge")


@dataclass(frozen=True)
class Run:
    """One run, as `load` and `list_runs` give it.

    Attributes:
        folder: where it lies.
        config: how it was made and what came out; `config.finished` is None where it was not, or is not yet.
    """

    folder: Path
    config: Config

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def model_path(self) -> Path:
        """Where the model lies, or would: a run that broke off has none."""
        return self.folder / MODEL

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """The numbers of each epoch by name: `epoch`, counted from 1, `seconds`, `loss` and the others.

        NaN where a number was not finite, or there was none in that epoch.

        Raises:
            RunFolderError: the file is damaged.
        """
        return histories.read(self.folder)

    def load_model(self, custom_objects: dict[str, Any] | None = None) -> Any:
        """The trained model, compiled as it was, on the backend of this process, whichever trained it.

        Args:
            custom_objects: classes and functions of one's own, by the names that the file uses.

        Raises:
            RunFolderError: there is no model, or Keras cannot load it.
        """
        if not self.model_path.is_file():
            why = "" if self.config.finished else ", as its training did not end"
            raise RunFolderError(f"{self.folder} holds no {MODEL}{why}: take another run, or train it again.")
        loading = importlib.import_module("kerasbridge.saving")  # and with it Keras, which nothing else here needs
        try:
            return loading.load_model(self.model_path, custom_objects)
        except Exception as error:  # of a file that may hold anything
            raise RunFolderError(f"{self.model_path} cannot be loaded: {_in_a_line(error)}") from error


def load(path: str | os.PathLike[str]) -> Run:
    """A run by its folder; its model is loaded when `load_model` is called, and with it Keras.

    Raises:
        RunFolderError: there is no run in the folder, or its files are damaged.

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
    folder = Path(path)
    return Run(folder, configs.read(folder))


def list_runs(folder: str | os.PathLike[str] = "runs") -> list[Run]:
    """The runs in a folder, oldest first: those directly in it, and the folder itself where it is one.

    A run whose `config.json` is damaged is left out, and one line in the log says so.

    Raises:
        RunFolderError: the folder cannot be read.

    Example:
        >>> list_runs("no-such-folder")
        []
    """
    place = Path(folder)
    try:
        found = [place, *sorted(path for path in place.iterdir() if not path.name.startswith("."))]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunFolderError(f"{place} cannot be read: {error.strerror or error}.") from error
    runs = [_loaded(path) for path in found if is_run(path)]
    return sorted((run for run in runs if run), key=lambda run: run.config.started)


def _in_a_line(error: Exception) -> str:
    """What Keras says of a file, without the configuration that it repeats before."""
    said = str(error).rpartition("Exception encountered: ")[2].strip()
    return said.partition("\n")[0] or type(error).__name__


def _loaded(folder: Path) -> Run | None:
    try:
        return load(folder)
    except RunFolderError as error:
        log.warning("kerasbridge: %s", error)
        return None
