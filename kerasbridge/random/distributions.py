"""Portable random numbers inside a step: distributions made of the bits of `bits.py`, as `keras.random` names them.

The functions here stand in for those of Keras's backend random module while kerasbridge builds or runs a model
(`keras_patch.py`). Normal and uniform numbers of a seed that is a plain integer are drawn on the host, in NumPy: so are
all initial weights.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.errors import NotPortableError, WorkerError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensors import floatx
from kerasbridge.random import generator as host
from kerasbridge.random.bits import (
    are_own_rows,
    make_key,
    override_seed,
    random_bits_flat,
    retry_key,
    shaped_random_bits,
    shaped_triples,
)
from kerasbridge.random.ops import ops

Tensor = Any
# Marsaglia and Tsang accept at least 95 of 100 attempts; six of them all fail for one element in 10^8.
GAMMA_ATTEMPTS = 6
MAX_TRIALS = 10_000
# How many random bits a float of [0, 1) represents exactly; more would round up to 1.
_UNIT_BITS = {"float64": 24, "float32": 24, "float16": 11, "bfloat16": 8}


def normal(shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw as `keras.random.normal`."""
    dtype, seed = dtype or floatx(), override_seed(seed)
    if isinstance(seed, int) and _plain(mean, stddev):
        return ops.convert_to_tensor(host.normal(seed, 0, shape) * stddev + mean, dtype)
    return _box_muller(shaped_triples(make_key(seed), shape), dtype) * stddev + mean


def truncated_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw as `keras.random.truncated_normal`."""
    dtype, seed = dtype or floatx(), override_seed(seed)
    if isinstance(seed, int) and _plain(mean, stddev):
        return ops.convert_to_tensor(host.truncated_normal(seed, 0, shape) * stddev + mean, dtype)
    key = make_key(seed)
    drawn = _box_muller(shaped_triples(key, shape), dtype)
    for attempt in range(1, host.TRUNCATION_ATTEMPTS):
        again = _box_muller(shaped_triples(retry_key(key, attempt), shape), dtype)
        drawn = ops.where(ops.abs(drawn) >= 2.0, again, drawn)
    return ops.clip(drawn, -2.0, 2.0) * stddev + mean


def uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Draw as `keras.random.uniform`: the bounds may be tensors."""
    dtype, seed = dtype or floatx(), override_seed(seed)
    if isinstance(seed, int) and _plain(minval, maxval):
        return ops.convert_to_tensor(host.uniform(seed, 0, shape) * (maxval - minval) + minval, dtype)
    return _unit(shaped_random_bits(make_key(seed), shape), dtype) * (maxval - minval) + minval


def randint(shape: Sequence[int], minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw as `keras.random.randint`: 31 random bits modulo the range."""
    bits = ops.bitwise_and(shaped_random_bits(make_key(seed), shape), 0x7FFFFFFF)
    return ops.cast(minval + ops.mod(bits, maxval - minval), dtype)


def categorical(logits: Tensor, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """Draw as `keras.random.categorical`, by the Gumbel-max trick."""
    logits = ops.convert_to_tensor(logits)
    drawn = uniform((ops.shape(logits)[0], num_samples, ops.shape(logits)[1]), dtype=logits.dtype, seed=seed)
    gumbel = -ops.log(-ops.log(drawn + 2.0**-25))
    return ops.cast(ops.argmax(ops.expand_dims(logits, 1) + gumbel, axis=-1), dtype)


def shuffle(x: Tensor, axis: int = 0, seed: Any = None) -> Tensor:
    """Shuffle as `keras.random.shuffle`."""
    x = ops.convert_to_tensor(x)
    length = ops.shape(x)[axis]
    if axis % len(x.shape) == 0 and are_own_rows(length):
        raise WorkerError(
            "Expected a step of several workers that leaves the rows of a batch in their order, found "
            "keras.random.shuffle along the first axis, as in MixUp and CutMix: the other rows are on other workers. "
            "Do it where the data is read, or train with one worker."
        )
    return ops.take(x, ops.argsort(random_bits_flat(make_key(seed), length)), axis=axis)


def dropout(inputs: Tensor, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Tensor:
    """Drop as `keras.random.dropout`: an element is kept if its 32 random bits, as an integer, are not below `rate`."""
    inputs = ops.convert_to_tensor(inputs)
    if rate >= 1.0:
        return ops.zeros_like(inputs)
    shape = tuple(ops.shape(inputs))
    if noise_shape is not None:
        shape = tuple(own if wanted is None else wanted for own, wanted in zip(shape, noise_shape, strict=True))
    keep = ops.greater_equal(shaped_random_bits(make_key(seed), shape), int(rate * 2**32) - 2**31)
    return ops.where(keep, inputs * (1.0 / (1.0 - rate)), ops.zeros((), inputs.dtype))


def gamma(shape: Sequence[int], alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw as `keras.random.gamma`: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000."""
    dtype = dtype or floatx()
    return ops.cast(ops.exp(_log_gamma(make_key(seed), shape, alpha, dtype)), dtype)


def beta(shape: Sequence[int], alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw as `keras.random.beta`: X / (X + Y) of two gamma numbers, by their logarithms."""
    dtype, key = dtype or floatx(), make_key(seed)
    one = _log_gamma(key, shape, alpha, dtype)
    other = _log_gamma(retry_key(key, GAMMA_ATTEMPTS + 1), shape, beta, dtype)
    return ops.cast(ops.sigmoid(one - other), dtype)


def binomial(shape: Sequence[int], counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    """Draw as `keras.random.binomial`: trials one by one, each a comparison without rounding."""
    most = _most_trials(counts)
    drawn = _unit(shaped_random_bits(make_key(seed), (most, *shape), axis=1), "float32")
    trials = ops.reshape(ops.arange(most, dtype="int32"), (most, *[1] * len(shape)))
    made = ops.less(trials, ops.cast(counts, "int32"))
    succeeded = ops.logical_and(made, ops.less(drawn, ops.cast(probabilities, "float32")))
    return ops.cast(ops.sum(ops.cast(succeeded, "int32"), axis=0), dtype or floatx())


def _most_trials(counts: Any) -> int:
    """Return the largest count, which sizes the draw; raise if it is known only while the step runs."""
    try:
        most = int(np.max(ops.convert_to_numpy(counts), initial=0))
    except Exception as error:
        raise NotPortableError(
            "Expected the counts of keras.random.binomial to be known before the step runs, received a tensor that it "
            'computes. Pass a number or an array, or draw natively: kb.fit(…, rng="native").'
        ) from error
    if most > MAX_TRIALS:
        raise NotPortableError(
            f"Expected counts of keras.random.binomial up to {MAX_TRIALS:,}, received {most:,}. Draw "
            'keras.random.normal of the same mean and variance, or natively: kb.fit(…, rng="native").'
        )
    return most


def _log_gamma(key: Tensor, shape: Sequence[int], alpha: Any, dtype: Any) -> Tensor:
    """Draw logarithms of gamma numbers; an `alpha` below 1 is raised by 1 and the number multiplied by U^(1/alpha).

    They take the attempts 0 to `GAMMA_ATTEMPTS` of the key.
    """
    wide = _wide(dtype)
    alpha = ops.broadcast_to(ops.cast(alpha, wide), shape)
    d = ops.where(alpha < 1.0, alpha + 1.0, alpha) - 1.0 / 3.0
    log_v = ops.zeros_like(d)
    for attempt in reversed(range(GAMMA_ATTEMPTS)):
        words = shaped_triples(retry_key(key, attempt), shape)
        x = _box_muller(words, wide)
        base = 1.0 + x / ops.sqrt(9.0 * d)
        log_found = 3.0 * ops.log(ops.where(base > 0.0, base, 1.0))
        bound = 0.5 * x * x + d * (1.0 - ops.exp(log_found) + log_found)
        accepted = ops.logical_and(base > 0.0, ops.log(_open_unit(words[2], wide)) < bound)
        log_v = ops.where(accepted, log_found, log_v)
    raising = ops.log(_open_unit(shaped_random_bits(retry_key(key, GAMMA_ATTEMPTS), shape), wide)) / alpha
    return ops.log(d) + log_v + ops.where(alpha < 1.0, raising, 0.0)


def _box_muller(triples: Sequence[Tensor], dtype: Any) -> Tensor:
    wide = _wide(dtype)
    radius = ops.sqrt(-2.0 * ops.log(_unit(triples[0], wide) + 2.0**-24))
    # Centred, the angle is at most pi: float32 rounds it less, and least where the cosine is steep.
    return ops.cast(radius * ops.cos(2.0 * np.pi * (_unit(triples[1], wide) - 0.5)), dtype)


def _unit(words: Tensor, dtype: Any) -> Tensor:
    bits = _UNIT_BITS[keras.backend.standardize_dtype(dtype)]
    return ops.cast(ops.bitwise_and(ops.right_shift(words, 32 - bits), 2**bits - 1), dtype) * 2.0**-bits


def _open_unit(words: Tensor, dtype: Any) -> Tensor:
    """Convert bits to numbers in (0, 1), whose logarithm is finite."""
    return _unit(words, dtype) + 2.0**-25


def _wide(dtype: Any) -> str:
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


def _plain(*bounds: Any) -> bool:
    return all(isinstance(bound, (int, float)) for bound in bounds)
