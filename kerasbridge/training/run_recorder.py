"""Recording of a training run in a run folder: `run_dir` of `kb.fit`, and the callback that adds each epoch."""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerasbridge import engines, runs
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.runs.folder import BY_ARGUMENT

log = logging.getLogger("kerasbridge")
_DATA = ("x", "y", "sample_weight", "validation_data")


class RunCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Callback that adds each epoch to a run; it runs last, so that it sees what other callbacks add to the logs."""

    def __init__(self, run: runs.RunWriter) -> None:
        super().__init__()
        self._run = run
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._run.add_epoch(epoch + 1, time.perf_counter() - self._start, logs or {})


class RunRecord:
    """A training run that may be recorded.

    Attributes:
        callbacks: the callbacks to pass to the training.
    """

    def __init__(self, callbacks: Any, run: runs.RunWriter | None = None, model: keras.Model | None = None) -> None:
        self.callbacks = callbacks
        self._run, self._model, self._start = run, model, time.perf_counter()

    def finish(self, history: keras.callbacks.History) -> keras.callbacks.History:
        """Complete the run and add its folder to the `params` of the history."""
        if self._run is not None and self._model is not None:
            seconds = round(time.perf_counter() - self._start, 3)
            self._run.finish(self._model.save, seconds=seconds, **execution_info(self._model, history))
            history.params["run_dir"] = str(self._run.folder)
            if self._run.without_curves:
                log.info("kerasbridge: %s", self._run.without_curves)
        return history


@contextlib.contextmanager
def record_run(given: Mapping[str, Any], **known: Any) -> Iterator[RunRecord]:
    """Record a training run in the folder `run_dir`, if it is given; the body ends with `finish`.

    Args:
        given: the arguments of `kb.fit`.
        known: further entries of the configuration.

    Raises:
        RunFolderError: the folder is not empty, or cannot be written.
        ArgumentError: the model cannot be saved.
    """
    if given["run_dir"] is None:
        yield RunRecord(given["callbacks"])
        return
    _check_saves(given["model"])
    with (
        runs.create(_folder(given["run_dir"]), _config(given, known), chosen=BY_ARGUMENT) as run,
        _beside(given["callbacks"], RunCallback(run)) as callbacks,
    ):
        yield RunRecord(callbacks, run, given["model"])


def check(run_dir: Any) -> None:
    """Raise if the run folder is unusable, before anything is computed.

    Raises:
        RunFolderError: as for `record_run`.
    """
    if run_dir is not None:
        runs.check_writable(_folder(run_dir), chosen=BY_ARGUMENT)


def execution_info(model: keras.Model, history: keras.callbacks.History) -> dict[str, Any]:
    """Return the configuration entries that are known once the training has ended."""
    ran = {name: history.params[name] for name in ("execution", "execution_reason") if name in history.params}
    return {**ran, "device": device_of(model)}


def device_of(model: keras.Model) -> str:
    """Return the name of the device of the model, or of the engine if the model is not built."""
    engine = engines.current()
    return engine.device_of(model.variables[0].value) if model.variables else engine.device


def _check_saves(model: keras.Model) -> None:
    """Raise, before the training starts, if Keras cannot serialize the model."""
    try:
        keras.saving.serialize_keras_object(model)
    except NotImplementedError as error:
        raise ArgumentError(
            f"Expected a model that can be saved in run_dir; {type(model).__name__}, or a layer in it, was made with "
            "arguments that Keras cannot serialize. Give its class a get_config, or leave run_dir out."
        ) from error


def _folder(run_dir: Any) -> Path:
    return Path(run_dir).expanduser()


@contextlib.contextmanager
def _beside(callbacks: Any, recorder: RunCallback) -> Iterator[Any]:
    """Yield the given callbacks with the recorder appended."""
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        yield [*(keras.tree.flatten(callbacks) if callbacks else []), recorder]
        return
    callbacks.callbacks.append(recorder)
    try:
        yield callbacks
    finally:
        callbacks.callbacks.remove(recorder)


def _config(given: Mapping[str, Any], known: Mapping[str, Any]) -> runs.Config:
    model, backend = given["model"], engines.current().name
    start = {
        "arguments": {name: _plain(value) for name, value in given.items() if name not in (*_DATA, "model")},
        "versions": runs.versions(backend), "backend": backend, "device": device_of(model), "seed": None, "rng": None,
        "data": {name: _described(given[name]) for name in _DATA if given[name] is not None},
        "started": runs.timestamp(),
        "model": model.name, "epochs": max(0, given["epochs"] - given["initial_epoch"]),
    }  # fmt: skip
    return runs.Config(**{**start, **known})


def _plain(value: Any) -> Any:
    """Return a value as JSON data; objects that JSON cannot represent are replaced by their name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Path):
        return str(value)
    return getattr(value, "__name__", None) or type(value).__name__


def _described(data: Any) -> Any:
    """Return the shape and dtype of each array in its nested structure; the class name of other objects."""
    if isinstance(data, list | tuple):
        return [_described(part) for part in data]
    if isinstance(data, Mapping):
        return {str(name): _described(part) for name, part in data.items()}
    shape, dtype = getattr(data, "shape", None), getattr(data, "dtype", None)
    kind = {"type": type(data).__name__} if dtype is None else {"dtype": keras.backend.standardize_dtype(dtype)}
    return kind if shape is None else {"shape": [_plain(size) for size in shape], **kind}
