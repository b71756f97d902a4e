"""Losses that are not plain means over rows: masked values, sums, means by weights, a value for each row."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_added_losses, patch_apply_mask, patch_reduce_values
from kerasbridge.runtime.world import current_share
from kerasbridge.training.whole_batch.rows import has_own_rows

ops = keras.ops


@contextlib.contextmanager
def global_reductions(engine: Engine) -> Iterator[None]:
    """Make the losses of Keras return a worker's part of the loss of the batch, divided by its weight."""
    with (
        patch_apply_mask(partial(_apply_mask, engine), chained=True),
        patch_reduce_values(partial(_reduce_values, engine)),
        patch_added_losses(_added_loss),
    ):
        yield


def _apply_mask(engine: Engine, original: Any, sample_weight: Any, mask: Any, dtype: Any, reduction: Any) -> Any:
    """Weight valid values by the valid values of all workers."""
    weights = original(sample_weight, mask, dtype=dtype, reduction=reduction)
    if mask is None or current_share() is None or reduction not in ("mean", "sum_over_batch_size"):
        return weights
    return weights * _part(engine, ops.sum(ops.cast(mask, dtype)))


def _reduce_values(
    engine: Engine, original: Any, values: Tensor, sample_weight: Any = None, reduction: Any = "sum_over_batch_size"
) -> Tensor:
    loss, share = original(values, sample_weight, reduction), current_share()
    if share is None or not tuple(values.shape):
        return loss
    if reduction == "sum":
        return loss / share.weight
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return loss * _part(engine, ops.cast(ops.sum(sample_weight), loss.dtype))
    return loss


def _added_loss(original: Any, model: Any, loss: Tensor) -> Tensor:
    """Sum up a loss that a layer adds; one with a value for each row is a sum over rows."""
    total, share = original(model, loss), current_share()
    return total if share is None or not has_own_rows(loss, share) else total / share.weight


def _part(engine: Engine, own: Tensor) -> Tensor:
    """Return what a mean over the own part of a divisor is multiplied with, for a mean over all of it."""
    share = current_share()
    assert share is not None
    return ops.cast(ops.divide_no_nan(own / share.weight, engine.all_sum(own)), own.dtype)
