"""Which callbacks want to be called after every batch, and which only look as if they did."""

from collections.abc import Callable, Iterable
from typing import Any

from kerasbridge.keras_compat import keras

keras_callbacks = keras.callbacks

_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def needs_batch_hooks(callbacks: Iterable[Any], kind: str) -> bool:
    """Return whether some callback does something after every batch of a train, test or predict loop."""
    return any(_is_live(callback, kind) for callback in callbacks)


def halts_on_nan(callbacks: Iterable[Any]) -> bool:
    """Return whether some callback wants to hear of the first loss that is not finite."""
    return any(isinstance(callback, keras_callbacks.TerminateOnNaN) for callback in callbacks)


def has_progress_bar(callbacks: Iterable[Any]) -> bool:
    """Return whether some callback is a progress bar of Keras's."""
    return any(isinstance(callback, keras_callbacks.ProgbarLogger) for callback in callbacks)


def _is_live(callback: Any, kind: str) -> bool:
    given, written = zip(*(_replaces(callback, hook) for hook in _HOOKS[kind]), strict=True)
    return any(given) or (any(written) and not _is_noop_per_batch(callback))


def _replaces(callback: Any, hook: str) -> tuple[bool, bool]:
    """Return whether a hook was given to this object, and whether its class has one of its own."""
    return hook in vars(callback), getattr(type(callback), hook) is not getattr(keras_callbacks.Callback, hook)


def _is_noop_per_batch(callback: Any) -> bool:
    """Whether the hooks of a callback's class do nothing after a batch; a class that inherits from it may do more."""
    package = type(callback).__module__.partition(".")[0]
    idle = _IDLE.get((package, type(callback).__name__))
    return idle is not None and idle(callback)


def _told_of_blocks(callback: Any) -> bool:
    del callback
    return True


def _saves_epochs(callback: Any) -> bool:
    return getattr(callback, "save_freq", None) == "epoch"


def _writes_epochs(callback: Any) -> bool:
    profiles = getattr(callback, "_should_trace", False) or getattr(callback, "profile_batch", 0)
    return callback.update_freq == "epoch" and not profiles


_IDLE: dict[tuple[str, str], Callable[[Any], bool]] = {
    ("keras", "TerminateOnNaN"): _told_of_blocks,  # a block ends with the first loss that is not finite
    ("keras", "ProgbarLogger"): _told_of_blocks,  # a bar that moves four times a second
    ("keras", "ModelCheckpoint"): _saves_epochs,
    ("keras", "BackupAndRestore"): _saves_epochs,
    ("keras", "OrbaxCheckpoint"): _saves_epochs,
    ("keras", "TensorBoard"): _writes_epochs,
    ("wandb", "WandbModelCheckpoint"): _saves_epochs,
    ("wandb", "WandbMetricsLogger"): lambda callback: not getattr(callback, "logging_batch_wise", True),
    ("mlflow", "MlflowCallback"): lambda callback: getattr(callback, "log_every_n_steps", 1) is None,
}
"""The classes, by package and name, whose hooks after a batch may do nothing, and when that is so."""
