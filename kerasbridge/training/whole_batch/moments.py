"""Mean and variance over the rows of all workers, as BatchNormalization takes them."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.collectives import sum_all
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_masked_moments, patch_moments
from kerasbridge.runtime.world import current_share

Moments = tuple[Tensor, Tensor]
ops = keras.ops
_HALF = ("float16", "bfloat16")


@contextlib.contextmanager
def global_moments(engine: Engine) -> Iterator[None]:
    """Make `keras.ops.moments` over the first axis, and BatchNormalization with a mask, cover all workers."""
    with patch_moments(partial(_moments, engine)), patch_masked_moments(partial(_masked_moments, engine)):
        yield


def _moments(
    engine: Engine, original: Any, x: Any, axes: Sequence[int], keepdims: bool = False, synchronized: bool = False
) -> Moments:
    x, share = ops.convert_to_tensor(x), current_share()
    axes = [axes] if isinstance(axes, int) else axes
    if share is None or 0 not in [axis % len(x.shape) for axis in axes]:
        moments: Moments = original(x, axes, keepdims=keepdims, synchronized=synchronized)
        return moments
    dtype = keras.backend.standardize_dtype(x.dtype)
    own_mean, own_variance = original(ops.cast(x, "float32") if dtype in _HALF else x, axes, keepdims=keepdims)
    own = [own_mean * share.weight, (own_variance + ops.square(own_mean)) * share.weight]
    mean, mean_of_squares = sum_all(engine, own)
    return ops.cast(mean, dtype), ops.cast(mean_of_squares - ops.square(mean), dtype)


def _masked_moments(engine: Engine, original: Any, layer: Any, inputs: Tensor, mask: Any) -> Moments:
    """Compute as Keras does, with sums over all workers."""
    if mask is None or current_share() is None:
        moments: Moments = original(layer, inputs, mask)
        return moments
    axes = [axis for axis in range(len(inputs.shape)) if axis != layer.axis % len(inputs.shape)]
    mask = ops.cast(ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(inputs)), "bool")
    valid = ops.sum(ops.cast(mask, inputs.dtype), axes, keepdims=True)
    total, valid = sum_all(engine, [ops.sum(ops.where(mask, inputs, 0), axes, keepdims=True), valid])
    count = valid + keras.config.epsilon()
    mean = total / count
    distances = ops.square(ops.where(mask, inputs - mean, 0))
    variance = engine.all_sum(ops.sum(distances, axes, keepdims=True)) / count
    return ops.squeeze(mean), ops.squeeze(variance)
