"""Comparison of a step of several workers with that of one, on a few rows, before the first of its steps.

A step may compute what cannot be split by rows, such as a sum over the batch or a loss between its rows, and only its
author knows. Each worker gives two rows. Loss and gradients of all these rows, computed by one worker, are to be those
that the workers compute together.
"""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.engines.stateless import assign_all
from kerasbridge.engines.step import Batch, Step, Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.random import keras_patch
from kerasbridge.random.generator import preserve_host_rng
from kerasbridge.runtime.world import Share
from kerasbridge.training.optimization import observe_gradients
from kerasbridge.training.whole_batch.scope import share_scope

MAX_WORKERS = 16
"""More workers would give more rows than one of them may have memory for."""

_TOLERANCE = {"float64": 1e-6, "float32": 1e-3}
Array = np.ndarray[Any, Any]


def difference_of_split(
    engine: Engine, step: Step, variables: Sequence[Any], metrics: Sequence[Any], batch: Batch
) -> str | None:
    """Return, as part of a sentence, a number of a step of several workers that differs from that of one, or None.

    Args:
        engine: the engine of the run.
        step: the step of whole batches; nothing that it assigns is kept.
        variables: the variables that it assigns.
        metrics: the metrics that it updates.
        batch: rows of this worker.
    """
    leaves = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    is_comparable = keras_patch.is_random_portable() and all(leaf.shape[0] >= 2 for leaf in leaves)
    if engine.world.size > MAX_WORKERS or not is_comparable:
        return None
    own = map_tensors(lambda leaf: engine.to_numpy(leaf)[:2], batch)
    whole = map_tensors(lambda leaf: np.concatenate(engine.all_gather(np.ascontiguousarray(leaf))), own)
    share = Share.of(2 * engine.world.size, engine.world)
    alone = _numbers(engine, step, variables, whole, contextlib.nullcontext())
    if not engine.all_gather(np.array([alone is not None])).all():
        return None
    together = _numbers(engine, step, variables, own, share_scope(engine, share, metrics))
    if alone is None or together is None:
        return None
    (loss, gradients), (other_loss, others) = alone, together
    if not _are_close(loss, other_loss, _largest([loss])):
        return "the loss"
    largest = _largest(gradients.values())  # the gradient of a bias before a BatchNormalization is 0 up to rounding
    differing = (path for path, gradient in gradients.items() if not _are_close(gradient, others[path], largest))
    return next((f"the gradient of {path}" for path in differing), None)


def _numbers(
    engine: Engine, step: Step, variables: Sequence[Any], batch: Batch, scope: contextlib.AbstractContextManager[Any]
) -> tuple[Array, dict[str, Array]] | None:
    """Return the loss and the gradients of a step whose results are discarded; None if it fails.

    It may need batches of another size.
    """
    before = [engine.copy(variable.value) for variable in variables]
    found: dict[str, Array] = {}

    def look(target: Any, gradients: Sequence[Tensor | None]) -> None:
        for variable, gradient in zip(target.variables, gradients, strict=True):
            if gradient is not None:
                found[variable.path] = np.array(engine.to_numpy(gradient))

    try:
        with preserve_host_rng(), engine.preserve_rng(), engine.eager(), observe_gradients(look), scope:
            loss, _ = step.run(Batch(*map_tensors(engine.to_device, batch)))
    except Exception:
        return None
    finally:
        assign_all(variables, before)
    return np.array(engine.to_numpy(loss)), found


def _largest(arrays: Iterable[Array]) -> float:
    finite = (np.abs(array[np.isfinite(array)]) for array in arrays)
    return max((float(np.max(array, initial=0.0)) for array in finite), default=0.0)


def _are_close(alone: Array, together: Array, largest: float) -> bool:
    """Return whether numbers agree up to rounding, measured by the largest of their kind."""
    bound = _TOLERANCE.get(str(alone.dtype), 5e-2) * max(1e-6, largest)
    return bool(np.allclose(alone, together, rtol=0.0, atol=bound, equal_nan=True))
