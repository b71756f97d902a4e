"""Recording of a training run in a run folder: `run_dir` of `kb.fit`, and the callback that adds each epoch."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge import engines, runs
from kerasbridge.checkpoint import files as checkpoint_files
from kerasbridge.engines import fast_paths
from kerasbridge.errors import ArgumentError, DataError, RunFolderError
from kerasbridge.keras_compat import keras
from kerasbridge.runs.folder import BY_ARGUMENT
from kerasbridge.runs.history import columns_of
from kerasbridge.runtime.files import to_path

log = logging.getLogger("kerasbridge")
_DATA_ARGUMENTS = ("x", "y", "sample_weight", "validation_data")


class RunCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that adds each epoch to a run; it runs last, so that it sees what other callbacks add to the logs.

    Args:
        run: the writer of the run.
        trained: the model and the last epoch, if the weights after the last epoch are to be kept, in `last`.
    """

    def __init__(self, run: runs.RunWriter, trained: tuple[keras.Model, int] | None = None) -> None:
        super().__init__()
        self._run, self._trained = run, trained
        self._start = 0.0
        self.last: _EpochWeights | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._run.add_epoch(epoch + 1, time.perf_counter() - self._start, logs or {})
        model, epochs = self._trained or (None, None)
        if model is not None and (model.stop_training or epoch + 1 == epochs):
            self.last = _EpochWeights(epoch + 1, model.get_weights())


@dataclass(frozen=True)
class _EpochWeights:
    """The weights of a model after an epoch, counted from 1."""

    epoch: int
    weights: Sequence[Any]

    def are_those_of(self, model: keras.Model) -> bool:
        """Return whether a model has these weights, bit for bit."""
        pairs = zip(self.weights, model.get_weights(), strict=True)
        return all(np.array_equal(mine, its, equal_nan=mine.dtype.kind == "f") for mine, its in pairs)


class RunRecord:
    """A training run that may be recorded.

    Attributes:
        callbacks: the callbacks to pass to the training.
        run: the writer of the run; None if it is not recorded.
    """

    def __init__(self, callbacks: Any, run: runs.RunWriter | None = None, model: keras.Model | None = None) -> None:
        self.callbacks = callbacks
        self.run, self._model, self._start = run, model, time.perf_counter()

    def finish(
        self, history: keras.callbacks.History, validate: Callable[[], Mapping[str, Any]] | None = None
    ) -> keras.callbacks.History:
        """Complete the run and add its folder to the `params` of the history.

        Args:
            history: the history of the training.
            validate: returns loss and metrics of the model on the validation data, if there is any. It is called if the
                saved model is not one that has been validated: after the last epoch its weights were changed.
        """
        if self.run is not None:
            history.params["run_dir"] = str(self.run.folder)
        if self.run is not None and self.run.is_open and self._model is not None:
            seconds = round(time.perf_counter() - self._start, 3)
            scores = self._validation(self.run, self._model, validate)
            self.run.finish(
                self._model.save, seconds=seconds, validation=scores, **execution_info(self._model, history)
            )
            if self.run.without_curves:
                log.info("kerasbridge: %s", self.run.without_curves)
        return history

    def needs_validation(self) -> bool:
        """Return whether `finish` validates the model, if it can."""
        if self.run is None or not self.run.is_open or self._model is None:
            return False
        return not self._recorded(self.run, self._model)

    def _recorded(self, run: runs.RunWriter, model: keras.Model) -> dict[str, float]:
        """Return the scores of the epoch after which the model had its weights; {} if they are not known."""
        callbacks = getattr(self.callbacks, "callbacks", self.callbacks)
        epochs = (each.epoch for each in _weights_of_epochs(callbacks) if each.are_those_of(model))
        return next(map(run.validation_of, epochs), {})

    def _validation(
        self, run: runs.RunWriter, model: keras.Model, validate: Callable[[], Mapping[str, Any]] | None
    ) -> dict[str, Any]:
        scores = self._recorded(run, model)
        if scores or validate is None:
            return scores
        with contextlib.suppress(DataError):  # batches that can be read once have been
            logs = validate()
            return {name: number for log, value in logs.items() for name, number in columns_of(log, value).items()}
        return {}


def _weights_of_epochs(callbacks: Iterable[Any]) -> Iterator[_EpochWeights]:
    """Yield the weights that a callback restores at the end of the training, and those after its last epoch."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.best_weights is not None:
            yield _EpochWeights(callback.best_epoch + 1, callback.best_weights)
        if isinstance(callback, RunCallback) and callback.last is not None:
            yield callback.last


@contextlib.contextmanager
def record_run(fit_arguments: Mapping[str, Any], **entries: Any) -> Iterator[RunRecord]:
    """Record a training run in the folder `run_dir`, unless it is None; the ``with`` body ends with `finish`.

    Args:
        fit_arguments: the arguments of `kb.fit`; `run_dir` may also be a writer that the caller opened and finishes.
        entries: further entries of the configuration.

    Raises:
        RunFolderError: the folder is not empty, or cannot be written.
        ArgumentError: the model cannot be saved.
    """
    run_dir = fit_arguments["run_dir"]
    if run_dir is None:
        yield RunRecord(fit_arguments["callbacks"])
        return
    if isinstance(run_dir, runs.RunWriter):
        with _append_callback(fit_arguments["callbacks"], RunCallback(run_dir)) as callbacks:
            yield RunRecord(callbacks, run_dir)
        return
    check_serializable(fit_arguments["model"])
    folder, config = _folder(run_dir), _config(fit_arguments, entries)
    trained = fit_arguments["model"], fit_arguments["epochs"]
    is_continued = fit_arguments["resume"] and runs.is_run(folder)
    with (
        runs.reopen(folder, config, BY_ARGUMENT)
        if is_continued
        else runs.create(folder, config, chosen=BY_ARGUMENT) as run,
        _append_callback(fit_arguments["callbacks"], RunCallback(run, trained)) as callbacks,
    ):
        yield RunRecord(callbacks, run, fit_arguments["model"])


def check(run_dir: Any, resume: bool) -> None:
    """Raise if the run folder is unusable, before anything is computed.

    Args:
        run_dir: the folder; None for no recording, or a writer.
        resume: whether the run in the folder is to be continued.

    Raises:
        RunFolderError: as for `record_run`, or the folder has a finished run without checkpoints.
    """
    if run_dir is None or isinstance(run_dir, runs.RunWriter):
        return
    folder = _folder(run_dir)
    if resume and runs.is_run(folder):
        check_continuable(folder, f"{BY_ARGUMENT}, and pass checkpoint_every")
    else:
        runs.check_writable(folder, chosen=BY_ARGUMENT)


def check_continuable(folder: Path, chosen: str) -> None:
    """Raise if a folder contains a finished run without checkpoints.

    Args:
        folder: the folder of a run.
        chosen: how the user chooses another folder, for the error.
    """
    if not checkpoint_files.exist(folder) and runs.load(folder).config.finished:
        raise RunFolderError(
            f"{folder} contains a finished run without checkpoints, which cannot be continued: choose another folder "
            f"{chosen}."
        )


def seed_of_run(run_dir: Any) -> int | None:
    """Return the seed of the order of rows of the run in a folder, if there is one."""
    folder = _folder(run_dir)
    return runs.load(folder).config.seed if runs.is_run(folder) else None


def fast_paths_of_run(names: Any, run_dir: Any, resume: bool) -> frozenset[str]:
    """Return the fast paths that a run may use.

    Args:
        names: the argument `fast_paths` of `kb.fit`.
        run_dir: the folder of the run; None for no recording, or a writer, which knows them.
        resume: whether the run in the folder is to be continued.

    Raises:
        ArgumentError: a name is unknown.
    """
    before = None
    if isinstance(run_dir, runs.RunWriter):
        before = run_dir.config.fast_paths
    elif resume and run_dir is not None and runs.is_run(_folder(run_dir)):
        before = runs.load(_folder(run_dir)).config.fast_paths
    return fast_paths.choose(names, before)


def execution_info(model: keras.Model, history: keras.callbacks.History) -> dict[str, Any]:
    """Return the configuration entries that are known once the training has ended."""
    execution = {name: history.params[name] for name in ("execution", "execution_reason") if name in history.params}
    return {**execution, "device": device_of(model)}


def device_of(model: keras.Model) -> str:
    """Return the name of the device of the model, or of the engine if the model is not built."""
    engine = engines.current()
    return engine.device_of(model.variables[0].value) if model.variables else engine.device


def check_serializable(model: keras.Model) -> None:
    """Raise an ArgumentError, before the training starts, if Keras cannot serialize the model."""
    try:
        keras.saving.serialize_keras_object(model)
    except NotImplementedError as error:
        raise ArgumentError(
            f"Expected a model that can be saved in run_dir; {type(model).__name__}, or a layer in it, was made with "
            "arguments that Keras cannot serialize. Give its class a get_config, or leave run_dir out."
        ) from error


def _folder(run_dir: Any) -> Path:
    return to_path(run_dir, "run_dir to be the path of a folder")


@contextlib.contextmanager
def _append_callback(callbacks: Any, recorder: RunCallback) -> Iterator[Any]:
    """Yield the callbacks with the recorder appended."""
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        yield [*(keras.tree.flatten(callbacks) if callbacks else []), recorder]
        return
    callbacks.callbacks.append(recorder)
    try:
        yield callbacks
    finally:
        callbacks.callbacks.remove(recorder)


def _config(fit_arguments: Mapping[str, Any], entries: Mapping[str, Any]) -> runs.Config:
    model, backend = fit_arguments["model"], engines.current().name
    data = {name: fit_arguments[name] for name in _DATA_ARGUMENTS if fit_arguments[name] is not None}
    others = {name: value for name, value in fit_arguments.items() if name not in (*_DATA_ARGUMENTS, "model")}
    config = {
        "arguments": {name: _to_json(value) for name, value in others.items()},
        "versions": runs.versions(backend),
        "backend": backend,
        "device": device_of(model),
        "seed": None,
        "rng": None,
        "data": {name: _describe_data(value) for name, value in data.items()},
        "started": runs.timestamp(),
        "model": model.name,
        "epochs": max(0, fit_arguments["epochs"] - fit_arguments["initial_epoch"]),
    }
    return runs.Config(**{**config, **entries})


def _to_json(value: Any) -> Any:
    """Return a value as JSON data; objects that JSON cannot represent are replaced by their name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    return getattr(value, "__name__", None) or type(value).__name__


def _describe_data(data: Any) -> Any:
    """Return the shape and dtype of each array in its nested structure; the class name of other objects."""
    if isinstance(data, list | tuple):
        return [_describe_data(part) for part in data]
    if isinstance(data, Mapping):
        return {str(name): _describe_data(part) for name, part in data.items()}
    shape, dtype = getattr(data, "shape", None), getattr(data, "dtype", None)
    kind = {"type": type(data).__name__} if dtype is None else {"dtype": keras.backend.standardize_dtype(dtype)}
    return kind if shape is None else {"shape": [_to_json(size) for size in shape], **kind}
