"""Checks and normalisation of the arguments of `fit`, `evaluate` and `predict`."""

import logging
import warnings
from typing import Any

from kerasbridge import checks
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import overridden_step
from kerasbridge.training.keras_methods import is_active, is_extended

log = logging.getLogger("kerasbridge")
RNGS = ("portable", "native")
_KERAS_ACTIONS = {
    "train": "it trains through model.fit",
    "test": "model.evaluate runs it",
    "predict": "model.predict runs it",
}


def check(
    model: keras.Model,
    step: Any,
    batch_size: int | None,
    epochs: int = 1,
    initial_epoch: int = 0,
    validation_split: float = 0.0,
    seed: int | None = None,
    rng: str = "portable",
) -> None:
    """Check the arguments of `fit`, `evaluate` and `predict`.

    Raises:
        ArgumentError: an argument is invalid.
    """
    if step is None and not model.compiled:
        raise ArgumentError('Expected a compiled model. Call model.compile("adam", loss=…) first.')
    if batch_size is not None:
        checks.check_batch_size(batch_size, 1)
    checks.check_epochs(epochs, initial_epoch)
    checks.check_validation_split(validation_split)
    if seed is not None:
        checks.check_seed(seed)
    if rng not in RNGS:
        raise ArgumentError(f"Expected rng to be one of {', '.join(RNGS)}, received {rng!r}.")


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
        warnings.warn(f"Limiting epochs to {limit}", stacklevel=3)
        return int(limit)
    return epochs
