"""The generator inside a step: the random bits of `generator.py` as int32 tensors, which wrap on every backend.

All random numbers of a step come from `random_bits_flat`, so that they can be captured. `distributions.py` turns the
bits into distributions.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.seed_generators import draw_seed, global_generator
from kerasbridge.random import generator as host

Tensor = Any
ops = keras.ops
_HALF_MASK = 0xFFFF

_watchers: list[Callable[[Tensor], None]] = []
_places: list[Iterator[int]] = []
_refusing: ContextVar[bool] = ContextVar("refusing", default=False)


def _no_bits(key: Tensor, count: Any) -> Tensor | None:
    return None


_engine_bits: Callable[[Tensor, Any], Tensor | None] = _no_bits


def use_engine_bits(random_bits: Callable[[Tensor, Any], Tensor | None]) -> None:
    """Register an engine's faster generator; where it returns None, the bits are computed with `keras.ops`."""
    global _engine_bits
    _engine_bits = random_bits


@contextlib.contextmanager
def capture_draws() -> Iterator[list[Tensor]]:
    """Collect the words of every draw that a step makes: a list of int32 tensors, in the order of the draws."""
    drawn: list[Tensor] = []
    _watchers.append(drawn.append)
    try:
        yield drawn
    finally:
        _watchers.pop()


@contextlib.contextmanager
def override_seeds(seed: int) -> Iterator[None]:
    """While open, the k-th draw of a weight takes its seed from `seed` and k, whatever its initializer's own is."""
    _places.append(host.fold_in(seed, "weight", place) for place in itertools.count())
    try:
        yield
    finally:
        _places.pop()


@contextlib.contextmanager
def require_seeds() -> Iterator[None]:
    """While open, a draw without a seed is refused: no generator that is saved with the model would move on."""
    token = _refusing.set(True)
    try:
        yield
    finally:
        _refusing.reset(token)


def override_seed(seed: Any) -> Any:
    """The seed, or the place's while weights are seeded by their places."""
    replaced = _places and (seed is None or isinstance(seed, int))
    return next(_places[-1]) if replaced else seed


def make_key(seed: Any) -> Tensor:
    """(seed, counter) as int32 of shape (2,), not yet folded; a `SeedGenerator` moves on by one."""
    seed = override_seed(seed) if seed is None else seed
    if seed is None and _refusing.get():
        raise StepError(
            "Expected a seed where a step draws, received none. Write keras.random.normal(shape, seed=model.seeds), "
            "with a keras.random.SeedGenerator that the model holds."
        )
    # Keras moves its global generator on by a product that overflows, on each backend to another number.
    return ops.cast(draw_seed(global_generator() if seed is None else seed), "int32")


def retry_key(key: Tensor, attempt: int) -> Tensor:
    """The key of a further attempt at the same elements."""
    return key + ops.convert_to_tensor([_signed(host.retry_seed(0, attempt)), 0], "int32")


def shaped_random_bits(key: Tensor, shape: Sequence[Any]) -> Tensor:
    """`random.words`, in this shape."""
    return ops.reshape(random_bits_flat(key, num_elements(shape)), shape)


def random_triples(key: Tensor, count: Any) -> list[Tensor]:
    """`random.triples` of the elements 0 … count - 1: int32, each of shape (count,)."""
    rows = ops.reshape(random_bits_flat(key, 3 * count), (3, count))
    return [rows[0], rows[1], rows[2]]


def random_bits_flat(key: Tensor, count: Any) -> Tensor:
    """`random.words`: int32 of shape (count,). Every number drawn in a step comes from here."""
    drawn = _engine_bits(key, count)
    if drawn is None:
        drawn = ops.concatenate(_components(key, (count + 2) // 3))[:count]
    for note in _watchers:
        note(drawn)
    return drawn


def num_elements(shape: Sequence[Any]) -> Any:
    """The number of elements, a tensor where a length is one."""
    size: Any = 1
    for length in shape:
        size = size * length
    return size


def _components(key: Tensor, elements: Any) -> tuple[Tensor, Tensor, Tensor]:
    counted = ops.arange(elements, dtype="int32")
    x, y, z = (word * host.LCG_FACTOR + host.LCG_TERM for word in (_fold(key[0]), _fold(key[1]), counted))
    return _round(*map(_fold, _round(x, y, z)))


def _fold(word: Tensor) -> Tensor:
    return ops.bitwise_xor(word, ops.bitwise_and(ops.right_shift(word, 16), _HALF_MASK))


def _round(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x = x + y * z
    y = y + z * x
    return x, y, z + x * y


def _signed(word: int) -> int:
    return word - 2**32 if word >= 2**31 else word
