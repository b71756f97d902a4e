"""Preparation of the user's callbacks, and detection of those that need a call after every batch."""

from collections.abc import Callable, Iterable
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.tensorboard import summary_api
from kerasbridge.training import progress

_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def make_progress_reporter(
    user_callbacks: Any, verbose: int | str, epochs: int = 1, title: str | None = None
) -> progress.Reporter:
    """Return the progress reporter; silent if the callbacks contain a Keras progress bar or are a CallbackList."""
    is_list = isinstance(user_callbacks, keras.callbacks.CallbackList)
    silent = is_list or has_progress_bar(keras.tree.flatten(user_callbacks))
    return progress.make_reporter(0 if silent else verbose, epochs, title)


def make_callback_list(
    model: keras.Model, user_callbacks: Any, reporter: progress.Reporter | None, history: bool = False, **params: Any
) -> Any:
    """Return a CallbackList of the user's callbacks and the reporter; a CallbackList is returned unchanged."""
    prepared = prepare_callbacks(user_callbacks)
    if isinstance(prepared, keras.callbacks.CallbackList):
        return prepared
    all_callbacks = [*prepared, *filter(None, [reporter])]
    return keras.callbacks.CallbackList(all_callbacks, add_history=history, add_progbar=False, model=model, **params)


def prepare_callbacks(user_callbacks: Any) -> Any:
    """Return the callbacks as a list, with TensorBoard callbacks patched; a CallbackList is returned unchanged."""
    if isinstance(user_callbacks, keras.callbacks.CallbackList):
        return user_callbacks
    callbacks = keras.tree.flatten(user_callbacks) if user_callbacks else []
    summary_api.patch_tensorboard_callbacks(callbacks)
    return callbacks


def needs_batch_hooks(callbacks: Iterable[Any], kind: str) -> bool:
    """Return whether a callback needs its batch hooks called in a train, test or predict loop."""
    return any(_has_batch_hooks(callback, kind) for callback in callbacks)


def have_batch_hooks(callbacks: Iterable[Any], kind: str) -> bool:
    """Return whether a callback has such hooks of its own, which may do nothing."""
    return any(_overrides(callback, hook) for callback in callbacks for hook in _HOOKS[kind])


def halts_on_nan(callbacks: Iterable[Any]) -> bool:
    """Return whether a callback stops training at the first loss that is not finite."""
    return any(isinstance(callback, keras.callbacks.TerminateOnNaN) for callback in callbacks)


def has_progress_bar(callbacks: Iterable[Any]) -> bool:
    """Return whether a callback is a Keras progress bar."""
    return any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in callbacks)


def _has_batch_hooks(callback: Any, kind: str) -> bool:
    set_on_instance = any(hook in vars(callback) for hook in _HOOKS[kind])
    return set_on_instance or (have_batch_hooks([callback], kind) and not _is_noop_per_batch(callback))


def _overrides(callback: Any, hook: str) -> bool:
    inherited = getattr(type(callback), hook) is getattr(keras.callbacks.Callback, hook)
    return hook in vars(callback) or not inherited


def _is_noop_per_batch(callback: Any) -> bool:
    """Return whether the batch hooks of this callback do nothing; a subclass of a known class may override them."""
    package = type(callback).__module__.partition(".")[0]
    is_noop = _NOOP_CONDITIONS.get((package, type(callback).__name__))
    return is_noop is not None and is_noop(callback)


def _always(callback: Any) -> bool:
    del callback
    return True


def _saves_per_epoch(callback: Any) -> bool:
    return getattr(callback, "save_freq", None) == "epoch"


def _writes_per_epoch(callback: Any) -> bool:
    profiles = getattr(callback, "_should_trace", False) or getattr(callback, "profile_batch", 0)
    return callback.update_freq == "epoch" and not profiles


_NOOP_CONDITIONS: dict[tuple[str, str], Callable[[Any], bool]] = {
    ("keras", "TerminateOnNaN"): _always,  # a block ends at the first loss that is not finite
    ("keras", "ProgbarLogger"): _always,  # the bar is updated about four times a second
    ("keras", "ModelCheckpoint"): _saves_per_epoch,
    ("keras", "BackupAndRestore"): _saves_per_epoch,
    ("keras", "OrbaxCheckpoint"): _saves_per_epoch,
    ("keras", "TensorBoard"): _writes_per_epoch,
    ("wandb", "WandbModelCheckpoint"): _saves_per_epoch,
    ("wandb", "WandbMetricsLogger"): lambda callback: not getattr(callback, "logging_batch_wise", True),
    ("mlflow", "MlflowCallback"): lambda callback: getattr(callback, "log_every_n_steps", 1) is None,
}
"""Callback classes, by package and name, whose batch hooks may do nothing, and the condition under which they do."""
