"""The state of callbacks: what those of Keras accumulate, and what a callback with `get_state` returns.

A callback of the user takes part if it has two methods: ``get_state()``, which returns a dict of numbers, texts, lists,
dicts and arrays, and ``set_state(state)``, which receives it after `on_train_begin`.
"""

import logging
from collections.abc import Iterable
from typing import Any

from kerasbridge.checkpoint import nested
from kerasbridge.checkpoint.nested import Arrays
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras

log = logging.getLogger("kerasbridge")
_ATTRIBUTES = {
    "History": ("epoch", "history"),
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    "ReduceLROnPlateau": ("wait", "best", "cooldown_counter"),
    "ModelCheckpoint": ("best", "_current_epoch", "_batches_seen_since_last_saving", "_last_batch_seen"),
    "BackupAndRestore": ("_current_epoch", "_batches_seen_since_last_saving", "_last_batch_seen"),
    "SwapEMAWeights": ("_ema_weights_in_model",),
    "TensorBoard": ("_global_train_batch", "_global_test_batch", "_previous_epoch_iterations"),
}
"""What the callbacks of Keras accumulate while they train."""

_PLAIN = (bool, int, float, str, list, dict)


def read(callbacks: Iterable[Any], arrays: Arrays) -> list[dict[str, Any]]:
    """Return the state of each callback that has one as JSON data, with the name of its class.

    Args:
        callbacks: the callbacks.
        arrays: receives the arrays in their states.

    Raises:
        ArgumentError: the `get_state` of a callback returns an object that cannot be stored.
    """
    return [
        {"class": _name(callback), "state": _encoded(callback, arrays)}
        for callback in callbacks
        if _has_state(callback)
    ]


def restore(callbacks: Iterable[Any], states: Iterable[dict[str, Any]], arrays: Arrays) -> None:
    """Give the callbacks their states back: the n-th of a class receives the n-th state of that class."""
    remaining = list(states)
    for callback in callbacks:
        found = next((each for each in remaining if each["class"] == _name(callback)), None)
        if found is not None:
            remaining.remove(found)
            _set(callback, nested.decode(found["state"], arrays))


def without_state(callbacks: Iterable[Any]) -> list[str]:
    """Return the classes of the user's callbacks that have plain attributes, but no `get_state`."""
    return sorted({_name(each) for each in callbacks if not _has_state(each) and not _is_known(each) and _values(each)})


def _name(callback: Any) -> str:
    return type(callback).__name__


def _is_known(callback: Any) -> bool:
    return type(callback).__module__.partition(".")[0] in ("keras", "kerasbridge")


def _has_state(callback: Any) -> bool:
    return hasattr(callback, "get_state") or bool(_attributes(callback))


def _attributes(callback: Any) -> tuple[str, ...]:
    """Return the attributes of the state of a callback of Keras, or of a class derived from one."""
    names = (each.__name__ for each in type(callback).__mro__ if each.__module__.startswith("keras."))
    return next((_ATTRIBUTES[name] for name in names if name in _ATTRIBUTES), ())


def _encoded(callback: Any, arrays: Arrays) -> Any:
    try:
        return nested.encode(_get(callback), arrays)
    except TypeError as error:
        raise ArgumentError(
            f"Expected get_state of {_name(callback)} to return a dict of numbers, texts, lists, dicts and arrays, "
            f"received {error} in it."
        ) from error


def _get(callback: Any) -> Any:
    if hasattr(callback, "get_state"):
        return callback.get_state()
    return {name: getattr(callback, name) for name in _attributes(callback) if hasattr(callback, name)}


def _set(callback: Any, state: Any) -> None:
    if hasattr(callback, "get_state"):
        callback.set_state(state)
        return
    for name, value in state.items():
        setattr(callback, name, value)


def _values(callback: Any) -> dict[str, Any]:
    """Return the plain public attributes that a callback has in addition to those of Keras."""
    own = vars(keras.callbacks.Callback())
    return {
        name: value
        for name, value in vars(callback).items()
        if name not in own and isinstance(value, _PLAIN) and not name.startswith("_")
    }
