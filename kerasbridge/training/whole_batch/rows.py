"""Tensors with the rows of a worker, and the same tensors with the rows of the batch."""

from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Tensor
from kerasbridge.errors import WorkerError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import masks_of, set_masks
from kerasbridge.runtime.world import Share

ops = keras.ops


def has_own_rows(tensor: Any, share: Share) -> bool:
    """Return whether the first axis of a tensor is the rows of the worker, or several for each of them."""
    length = (tuple(getattr(tensor, "shape", ())) or (0,))[0]
    return isinstance(length, int) and length > 0 and length % (share.stop - share.start) == 0


def of_whole_batch(engine: Engine, value: Any, share: Share) -> Any:
    """Return a tensor with the rows of all workers; one without rows as the mean over the batch.

    What is no tensor is returned as it is. No gradient passes through.
    """
    if not ops.is_tensor(value):
        return value
    tensor, (mask,) = ops.stop_gradient(value), masks_of([value])
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if has_own_rows(tensor, share):
        whole = _gather(engine, tensor, share)
    elif keras.backend.is_float_dtype(dtype):
        whole = engine.all_sum(tensor * share.weight)
    else:
        return value
    if mask is not None:
        set_masks([whole], [of_whole_batch(engine, mask, share)])
    return whole


def _gather(engine: Engine, tensor: Tensor, share: Share) -> Tensor:
    """Return the rows of all workers, as a sum over workers in which each adds its own."""
    each, dtype = tensor.shape[0] // (share.stop - share.start), keras.backend.standardize_dtype(tensor.dtype)
    widths = [(share.start * each, (share.rows - share.stop) * each), *[(0, 0)] * (len(tensor.shape) - 1)]
    padded = ops.pad(ops.cast(tensor, "int32") if dtype == "bool" else tensor, widths)
    return ops.cast(engine.all_sum(padded), dtype)


def gather_batches(engine: Engine, own: np.ndarray[Any, Any], batches: int, share: Share) -> np.ndarray[Any, Any]:
    """Return a host array with the rows of several batches, of which each worker has its own.

    Raises:
        WorkerError: the array has not the same number of rows for each row of a batch.
    """
    count, rest = divmod(own.shape[0] if own.ndim else 0, batches * (share.stop - share.start))
    if rest or not count:
        raise WorkerError(
            f"Expected predictions with a row for each sample, received the shape {own.shape} for {batches} batches of "
            f"{share.stop - share.start} rows. Predict with one worker."
        )
    shares = [Share.of(share.rows, replace(engine.world, rank=rank)) for rank in range(engine.world.size)]
    lengths = [count * (each.stop - each.start) for each in shares]
    padded = np.zeros((batches, max(lengths), *own.shape[1:]), own.dtype)
    padded[:, : lengths[engine.world.rank]] = own.reshape(batches, -1, *own.shape[1:])
    parts = [part[:, :length] for part, length in zip(engine.all_gather(padded), lengths, strict=True)]
    return np.concatenate(parts, axis=1).reshape(-1, *own.shape[1:])
