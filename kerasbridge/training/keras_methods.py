"""`fit`, `evaluate` and `predict` of Keras itself, and the calls of them that are in progress."""

import contextlib
import inspect
import threading
from collections.abc import Iterator
from typing import Any

from kerasbridge.keras_compat import keras

METHODS = ("fit", "evaluate", "predict")


class _ActiveCalls(threading.local):
    """Calls in progress in this thread, as pairs of the id of a model and the name of a method."""

    def __init__(self) -> None:
        self.calls: frozenset[tuple[int, str]] = frozenset()


_active = _ActiveCalls()


def is_active(model: Any, name: str) -> bool:
    """Return whether a method of a model is in progress in this thread."""
    return (id(model), name) in _active.calls


@contextlib.contextmanager
def mark_active(model: Any, *names: str) -> Iterator[None]:
    """Note inside the context that these methods of a model are in progress."""
    before = _active.calls
    _active.calls = before | {(id(model), name) for name in names}
    try:
        yield
    finally:
        _active.calls = before


def is_extended(model: Any, name: str) -> bool:
    """Return whether the class of the model has a method of its own instead of the one of Keras."""
    return getattr(type(model), name) is not getattr(keras.Model, name)


def call_keras(model: Any, name: str, arguments: dict[str, Any]) -> Any:
    """Let Keras fit, evaluate or predict, with arguments by name; those that have their default are left out.

    Where the method of the model's class is in progress, which may have prepared the data, it is not called again.
    """
    method = getattr(keras.Model if is_active(model, name) else type(model), name)
    defaults = inspect.signature(getattr(keras.Model, name)).parameters
    given = {key: value for key, value in arguments.items() if not _is_default(value, defaults[key].default)}
    with mark_active(model, *METHODS):
        return method(model, **given)


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (isinstance(value, int | float | str) and value == default)
