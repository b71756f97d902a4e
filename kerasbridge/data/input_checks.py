"""Check the inputs of a run: their order, their shapes, and numbers that are not finite."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from kerasbridge import checks
from kerasbridge.data.arrays import Arrays
from kerasbridge.engines.step import Batch
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import path_name
from kerasbridge.runtime.context import context_value

log = logging.getLogger("kerasbridge")
_warnings: ContextVar[list[str] | None] = ContextVar("warnings", default=None)


@contextlib.contextmanager
def about(argument: str) -> Iterator[None]:
    """Begin the message of an error about data or an argument with the argument that it is about, unless that is ""."""
    try:
        yield
    except (DataError, ArgumentError) as error:
        if not argument:
            raise
        raise type(error)(f"{argument}: {error}") from error.__cause__


def warn_once() -> contextlib.AbstractContextManager[None]:
    """Allow one warning about inputs in this run."""
    return context_value(_warnings, [])


def has_warned() -> bool:
    """Return whether this run has warned about its inputs."""
    return bool(_warnings.get())


def warn_nonfinite(source: Any) -> None:
    """Log a warning that names the first array of x, in memory, with NaN or infinity; only once in a run."""
    given = _warnings.get()
    if given is None or given or not isinstance(source, Arrays):
        return
    for name, leaf in _named_arrays(source.nest.x):
        message = checks.nonfinite_message(leaf, name)
        if message:
            given.append(message)
            log.warning(
                "kerasbridge: %s, which makes losses NaN: fix or remove these rows. kb.fit goes on, as Keras does; "
                'on_nonfinite="stop" ends it at the first such loss, "skip" leaves such batches out.',
                message,
            )
            return


def check_shapes(model: keras.Model, batch: Batch, of_validation: bool) -> None:
    """Raise DataError if x and y are exchanged: the model takes rows of the shape of y, and not those of x.

    For validation data, also if x has another shape: the error of Keras would not name it.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or not isinstance(batch.x, np.ndarray) or not isinstance(batch.y, np.ndarray):
        return
    if not _fits(batch.x, shape) and _fits(batch.y, shape):
        raise DataError(
            f"Expected x, then y, received them the other way round: the model takes rows of the shape {shape[1:]}, "
            f"as are those of y; those of x have the shape {batch.x.shape[1:]}. Exchange them."
        )
    is_other = batch.x.ndim == len(shape) and not _fits(batch.x, shape)
    if of_validation and is_other:
        raise DataError(
            f"Expected x with rows of the shape {shape[1:]}, which the model takes, received {batch.x.shape[1:]}."
        )


def _fits(array: np.ndarray[Any, Any], shape: Sequence[int | None]) -> bool:
    """Return whether a model with an input of this shape takes rows of the array.

    Keras adds or removes a last axis of 1. The first axis is that of the rows: all of them, or those of a batch.
    """
    return any(
        len(candidate) == len(shape)
        and all(size in (None, given) for size, given in zip(shape[1:], candidate[1:], strict=True))
        for candidate in (array.shape, (*array.shape, 1), array.shape[:-1] if array.shape[-1:] == (1,) else ())
    )


def _named_arrays(nest: Any) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    for path, leaf in keras.tree.flatten_with_path(nest):
        if isinstance(leaf, np.ndarray) and not isinstance(leaf, np.memmap):
            yield "x" + path_name(path), leaf
