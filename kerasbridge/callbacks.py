"""Which callbacks want to be called after every batch, and which only look as if they did."""

from collections.abc import Iterable
from typing import Any

from kerasbridge._keras import keras

keras_callbacks = keras.callbacks

_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def any_live(callbacks: Iterable[Any], kind: str) -> bool:
    """Whether some callback does something after every batch of a train, test or predict loop."""
    return any(_is_live(callback, kind) for callback in callbacks)


def halts_on_nan(callbacks: Iterable[Any]) -> bool:
    """Whether training is to end with the first loss that is not finite."""
    return any(isinstance(callback, keras_callbacks.TerminateOnNaN) for callback in callbacks)


def _is_live(callback: Any, kind: str) -> bool:
    return any(_replaces(callback, hook) for hook in _HOOKS[kind]) and not _is_idle(callback)


def _replaces(callback: Any, hook: str) -> bool:
    function = getattr(getattr(callback, hook), "__func__", None)
    return function is not getattr(keras_callbacks.Callback, hook)


def _is_idle(callback: Any) -> bool:
    """Keras's own callbacks override batch hooks that do nothing unless they were asked to act on batches."""
    if isinstance(callback, (keras_callbacks.TerminateOnNaN, keras_callbacks.ProgbarLogger)):
        # A block stops by itself at a loss that is not finite, and progress bars are ours.
        return _is_of_keras(callback)
    if isinstance(callback, (keras_callbacks.ModelCheckpoint, keras_callbacks.BackupAndRestore)):
        return _is_of_keras(callback) and getattr(callback, "save_freq", None) == "epoch"
    if isinstance(callback, keras_callbacks.TensorBoard):
        profiles = getattr(callback, "_should_trace", False) or getattr(callback, "profile_batch", 0)
        return _is_of_keras(callback) and callback.update_freq == "epoch" and not profiles
    return False


def _is_of_keras(callback: Any) -> bool:
    return type(callback).__module__.startswith("keras.")
