"""Portable random numbers inside a step: `random.py`'s words in `keras.ops`, under the names of `keras.random`.

The functions here stand in for those of Keras's backend random module while kerasbridge builds or runs a model
(`_keras.portable_random`). Words are int32, whose products wrap on every backend. A seed that is a plain integer
is drawn on the host, in NumPy: so are all initial weights.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerasbridge import engines
from kerasbridge import random as host
from kerasbridge._keras import draw_seed, floatx, keras, to_tensor

Tensor = Any
ops = keras.ops
_HALF_MASK = 0xFFFF
# How many random bits a float of [0, 1) holds exactly; more would round up to 1.
_UNIT_BITS = {"float64": 24, "float32": 24, "float16": 11, "bfloat16": 8}


_watchers: list[Callable[[Tensor], None]] = []


@contextlib.contextmanager
def watched() -> Iterator[list[Tensor]]:
    """Collects the words of every draw that a step makes: a list of int32 tensors, in the order of the draws."""
    words: list[Tensor] = []
    _watchers.append(words.append)
    try:
        yield words
    finally:
        _watchers.pop()


def normal(shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    """As `keras.random.normal`."""
    return _scaled(_standard_normal(shape, dtype or floatx(), seed), mean, stddev)


def truncated_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """As `keras.random.truncated_normal`."""
    dtype = dtype or floatx()
    if isinstance(seed, int):
        return to_tensor(host.truncated_normal(seed, 0, shape) * stddev + mean, dtype)
    key = _key(seed)
    drawn = _box_muller(_triples(key, _size(shape)), dtype)
    for attempt in range(1, host.TRUNCATION_ATTEMPTS):
        again = [key[0] + _signed(host.attempt_seed(0, attempt)), key[1]]
        drawn = ops.where(ops.abs(drawn) >= 2.0, _box_muller(_triples(again, _size(shape)), dtype), drawn)
    return _scaled(ops.reshape(ops.clip(drawn, -2.0, 2.0), shape), mean, stddev)


def uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """As `keras.random.uniform`: the bounds may be tensors."""
    dtype = dtype or floatx()
    if isinstance(seed, int) and _plain(minval, maxval):
        return to_tensor(host.uniform(seed, 0, shape) * (maxval - minval) + minval, dtype)
    return _unit(_words(_key(seed), shape), dtype) * (maxval - minval) + minval


def randint(shape: Sequence[int], minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """As `keras.random.randint`: 31 random bits modulo the range."""
    bits = ops.bitwise_and(_words(_key(seed), shape), 0x7FFFFFFF)
    return ops.cast(minval + ops.mod(bits, maxval - minval), dtype)


def categorical(logits: Tensor, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    """As `keras.random.categorical`, by the Gumbel-max trick."""
    logits = ops.convert_to_tensor(logits)
    drawn = uniform((ops.shape(logits)[0], num_samples, ops.shape(logits)[1]), dtype=logits.dtype, seed=seed)
    gumbel = -ops.log(-ops.log(drawn + 2.0**-25))
    return ops.cast(ops.argmax(ops.expand_dims(logits, 1) + gumbel, axis=-1), dtype)


def shuffle(x: Tensor, axis: int = 0, seed: Any = None) -> Tensor:
    """As `keras.random.shuffle`."""
    x = ops.convert_to_tensor(x)
    return ops.take(x, ops.argsort(_words(_key(seed), (ops.shape(x)[axis],))), axis=axis)


def dropout(inputs: Tensor, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Tensor:
    """As `keras.random.dropout`: an element is kept where its word, read as an integer, is not below `rate`."""
    inputs = ops.convert_to_tensor(inputs)
    if rate >= 1.0:
        return ops.zeros_like(inputs)
    shape = tuple(ops.shape(inputs))
    if noise_shape is not None:
        shape = tuple(own if wanted is None else wanted for own, wanted in zip(shape, noise_shape, strict=True))
    keep = ops.greater_equal(_words(_key(seed), shape), int(rate * 2**32) - 2**31)
    return ops.where(keep, inputs * (1.0 / (1.0 - rate)), ops.zeros((), inputs.dtype))


def _key(seed: Any) -> list[Tensor]:
    """(seed, counter) as int32 scalars, not yet folded; a `SeedGenerator` moves on by one."""
    state = ops.cast(draw_seed(seed), "int32")
    return [state[0], state[1]]


def _words(key: list[Tensor], shape: Sequence[Any]) -> Tensor:
    """`random.words`, in this shape."""
    return ops.reshape(_draw(key, _size(shape)), shape)


def _triples(key: list[Tensor], count: Any) -> list[Tensor]:
    """`random.triples` of the elements 0 … count - 1: int32, each of shape (count,)."""
    return list(ops.reshape(_draw(key, 3 * count), (3, count)))


def _draw(key: list[Tensor], count: Any) -> Tensor:
    """`random.words`: int32 of shape (count,). Every number drawn in a step comes from here."""
    drawn = engines.current().words(key[0], key[1], count)
    if drawn is None:
        drawn = ops.concatenate(_components(key, (count + 2) // 3))[:count]
    for note in _watchers:
        note(drawn)
    return drawn


def _components(key: list[Tensor], elements: Any) -> tuple[Tensor, Tensor, Tensor]:
    counted = ops.arange(elements, dtype="int32")
    x, y, z = (word * host.LCG_FACTOR + host.LCG_TERM for word in (*map(_fold, key), counted))
    return _round(*map(_fold, _round(x, y, z)))


def _fold(word: Tensor) -> Tensor:
    return ops.bitwise_xor(word, ops.bitwise_and(ops.right_shift(word, 16), _HALF_MASK))


def _round(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x = x + y * z
    y = y + z * x
    return x, y, z + x * y


def _standard_normal(shape: Sequence[int], dtype: Any, seed: Any) -> Tensor:
    if isinstance(seed, int):
        return to_tensor(host.normal(seed, 0, shape), dtype)
    return ops.reshape(_box_muller(_triples(_key(seed), _size(shape)), dtype), shape)


def _box_muller(triples: Sequence[Tensor], dtype: Any) -> Tensor:
    wide = "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"
    radius = ops.sqrt(-2.0 * ops.log(_unit(triples[0], wide) + 2.0**-24))
    # Centred, the angle is at most pi: float32 rounds it less, and least where the cosine is steep.
    return ops.cast(radius * ops.cos(2.0 * np.pi * (_unit(triples[1], wide) - 0.5)), dtype)


def _unit(words: Tensor, dtype: Any) -> Tensor:
    bits = _UNIT_BITS[keras.backend.standardize_dtype(dtype)]
    return ops.cast(ops.bitwise_and(ops.right_shift(words, 32 - bits), 2**bits - 1), dtype) * 2.0**-bits


def _scaled(drawn: Tensor, mean: Any, stddev: Any) -> Tensor:
    return drawn * stddev + mean


def _plain(*bounds: Any) -> bool:
    return all(isinstance(bound, (int, float)) for bound in bounds)


def _size(shape: Sequence[Any]) -> Any:
    size: Any = 1
    for length in shape:
        size = size * length
    return size


def _signed(word: int) -> int:
    return word - 2**32 if word >= 2**31 else word
