"""Checks and normalisation of the arguments of `fit`, `evaluate` and `predict`."""

import logging
import warnings
from typing import Any

from kerasbridge import checks
from kerasbridge.errors import ArgumentError, one_line
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import check_model, overridden_step
from kerasbridge.runtime.scripts import refuse_while_importing
from kerasbridge.runtime.world import World
from kerasbridge.training.keras_methods import is_active, is_extended

log = logging.getLogger("kerasbridge")
RNGS = ("portable", "native")
ON_NONFINITE = ("warn", "stop", "skip", "ignore")
_KERAS_ACTIONS = {
    "train": "it trains through model.fit",
    "test": "model.evaluate runs it",
    "predict": "model.predict runs it",
}


def check(model: Any, batch_size: Any, verbose: Any, callbacks: Any, **steps: Any) -> None:
    """Check the arguments that `fit`, `evaluate` and `predict` share.

    Args:
        model, batch_size, verbose, callbacks: the arguments.
        steps: numbers of steps or rows, each of which may be None.

    Raises:
        ArgumentError: an argument is invalid.
    """
    refuse_while_importing("trains or runs a model")
    check_model(model)
    for name, value in {"batch_size": batch_size, **steps}.items():
        if value is not None:
            checks.check_count(name, value)
    if verbose is not None:
        checks.check_choice("verbose", verbose, 0, 1, 2, "auto")
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        for callback in keras.tree.flatten(callbacks) if callbacks else []:
            _check_callback(callback)


def check_compiled(model: keras.Model, step: Any) -> None:
    """Raise ArgumentError if the model is not compiled and there is no custom step."""
    if step is None and not model.compiled:
        raise ArgumentError('Expected a compiled model. Call model.compile("adam", loss=…) first.')


def check_fit(
    epochs: Any, initial_epoch: Any, validation_split: Any, shuffle: Any, seed: Any, rng: Any, on_nonfinite: Any
) -> None:
    """Check further arguments of `fit`.

    Raises:
        ArgumentError: an argument is invalid.
    """
    checks.check_epochs(epochs, initial_epoch)
    checks.check_validation_split(validation_split)
    if shuffle is not None:
        checks.check_choice("shuffle", shuffle, True, False, "batch")
    if seed is not None:
        checks.check_seed(seed)
    if rng not in RNGS:
        raise ArgumentError(f"Expected rng to be one of {', '.join(RNGS)}, received {rng!r}.")
    checks.check_choice("on_nonfinite", on_nonfinite, *ON_NONFINITE)


def check_workers(batch_size: Any, workers: World) -> None:
    """Raise ArgumentError if a batch has fewer rows than there are workers."""
    if batch_size is not None and batch_size < workers.size:
        raise ArgumentError(
            f"Expected a batch_size of at least {workers.size}, a row for each worker, received {batch_size}. It is "
            "that of all workers together: pass more, or start fewer."
        )


def _check_callback(callback: Any) -> None:
    if isinstance(callback, type) or not hasattr(callback, "set_model"):
        raise ArgumentError(
            f"Expected callbacks to be keras.callbacks.Callback objects, received {one_line(callback)}"
            f"{_callback_to_write(callback)}."
        )


def _callback_to_write(other: Any) -> str:
    if isinstance(other, type):
        return f": write {other.__name__}(…)"
    if isinstance(other, str) and isinstance(getattr(keras.callbacks, other, None), type):
        return f": write keras.callbacks.{other}(…)"
    return ": write keras.callbacks.LambdaCallback(on_epoch_end=…)" if callable(other) else ""


def warn_extended(model: keras.Model, name: str) -> None:
    """Log a warning if the model has a method of its own that is not called: fit, evaluate or predict."""
    if is_extended(model, name) and not is_active(model, name):
        log.warning(
            "kerasbridge: %s extends %s, which kb.%s does not call. To call it, write "
            "`with kb.as_keras_fit(): model.%s(…)`.",
            type(model).__name__,
            *(name,) * 3,
        )


def delegates_to_keras(model: keras.Model, *kinds: str) -> bool:
    """Return whether the model overrides a step of one of these kinds, so that Keras must run it; if so, log a warning.

    Args:
        model: a Keras model.
        kinds: of "train", "test" and "predict"; the first is the one that is about to run.
    """
    method = next(filter(None, (overridden_step(model, kind) for kind in kinds)), None)
    if method:
        log.warning("kerasbridge: %s overrides %s, so %s.", type(model).__name__, method, _KERAS_ACTIONS[kinds[0]])
    return method is not None


def round_up_to_execution(model: keras.Model, steps: int | None) -> int | None:
    """Return the steps of an epoch, rounded up to a multiple of `steps_per_execution`, as Keras does."""
    return steps and -(-steps // model.steps_per_execution) * model.steps_per_execution


def limit_epochs(epochs: int) -> int:
    """Return `epochs`, limited to KERAS_MAX_EPOCHS as in Keras; warn if that lowers it."""
    limit = keras.config.max_epochs()
    if limit and limit < epochs:
        warnings.warn(f"Limiting epochs to {limit}", stacklevel=4)
        return int(limit)
    return epochs
