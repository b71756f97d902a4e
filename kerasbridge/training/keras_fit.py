"""`kb.as_keras_fit`: run `model.fit`, `model.evaluate` and `model.predict` through kerasbridge."""

import contextlib
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.training import trainer
from kerasbridge.training.keras_methods import METHODS, is_active, mark_active

_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "fit": trainer.fit,
    "evaluate": trainer.evaluate,
    "predict": trainer.predict,
}


_lock = threading.RLock()
_originals: dict[str, Callable[..., Any]] = {}
_depth = 0


@contextlib.contextmanager
def as_keras_fit() -> Iterator[None]:
    """Run `model.fit`, `model.evaluate` and `model.predict` of every Keras model through kerasbridge.

    This context manager is for libraries that call `model.fit` themselves, such as KerasTuner, SciKeras and KerasHub.
    It applies to every thread of the process and may be nested. Arguments are those of Keras. A model that overrides
    `train_step`, `test_step` or `predict_step` is trained, evaluated or run by Keras, as with `kb.fit`.

    Example:
        >>> import kerasbridge as kb
        >>> data, model = kb.datasets.mnist(), kb.models.mlp()
        >>> model.compile("adam", "sparse_categorical_crossentropy")
        >>> with kb.as_keras_fit():
        ...     history = model.fit(data.x_train / 255, data.y_train, verbose=0)
        >>> history.params["execution"] in ("looped", "traced", "jit", "eager")
        True
    """
    _install()
    try:
        yield
    finally:
        _uninstall()


def _install() -> None:
    global _depth
    with _lock:
        if _depth == 0:
            for name, replacement in _REPLACEMENTS.items():
                _originals[name] = getattr(_keras_trainer(), name)
                setattr(_keras_trainer(), name, _wrap(_originals[name], replacement))
        _depth += 1


def _uninstall() -> None:
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            for name, original in _originals.items():
                setattr(_keras_trainer(), name, original)
            _originals.clear()


def _keras_trainer() -> type:
    """Return the backend-specific class that defines `fit` of Keras models."""
    trainer_class: type = next(base for base in keras.Model.__mro__ if "fit" in vars(base))
    return trainer_class


def _wrap(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that calls the replacement; nested in itself on the same model, it calls `original`."""
    name = original.__name__

    @functools.wraps(original)
    def call(model: Any, *arguments: Any, **keywords: Any) -> Any:
        if is_active(model, name):
            with mark_active(model, *METHODS):
                return original(model, *arguments, **keywords)
        with mark_active(model, name):
            return replacement(**_named_arguments(original, model, arguments, keywords))

    return call


def _named_arguments(function: Callable[..., Any], model: Any, arguments: Any, keywords: Any) -> dict[str, Any]:
    """Return the arguments of a Keras method by name, since `kb` functions may order their parameters differently."""
    bound = inspect.signature(function).bind(model, *arguments, **keywords).arguments
    return {"model": bound.pop("self"), **bound.pop("kwargs", {}), **bound}
