"""The generator inside a step: the random bits of `generator.py` as int32 tensors, which wrap on every backend.

All random numbers of a step come from `random_bits_flat`, so that they can be captured. `distributions.py` turns the
bits into distributions.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from kerasbridge.keras_compat.seed_generators import draw_seed, global_generator
from kerasbridge.random import generator as host
from kerasbridge.random.ops import is_in_pipeline, ops
from kerasbridge.runtime.context import context_value
from kerasbridge.runtime.world import current_share

Tensor = Any
_HALF_MASK = 0xFFFF

# Context variables, so that a model that is reinitialized in one thread does not take the seeds of another thread's.
_captures: ContextVar[tuple[list[Tensor], ...]] = ContextVar("captures", default=())
_weight_seeds: ContextVar[Iterator[int] | None] = ContextVar("weight_seeds", default=None)


def _no_engine_bits(key: Tensor, count: Any) -> Tensor | None:
    return None


_engine_bits: Callable[[Tensor, Any], Tensor | None] = _no_engine_bits


def use_engine_bits(random_bits: Callable[[Tensor, Any], Tensor | None]) -> None:
    """Register an engine's faster generator; where it returns None, the bits are computed with `keras.ops`."""
    global _engine_bits
    _engine_bits = random_bits


@contextlib.contextmanager
def capture_draws() -> Iterator[list[Tensor]]:
    """Collect the random bits of every draw in this thread: a list of int32 tensors, in the order of the draws."""
    draws: list[Tensor] = []
    with context_value(_captures, (*_captures.get(), draws)):
        yield draws


def override_seeds(seed: int) -> contextlib.AbstractContextManager[None]:
    """Seed the k-th weight drawn in this thread from `seed` and k, whatever the seed of its initializer."""
    return context_value(_weight_seeds, (host.fold_in(seed, "weight", index) for index in itertools.count()))


def override_seed(seed: Any) -> Any:
    """Return the seed, or the next one of `override_seeds` if that is active and the seed is None or an integer."""
    weight_seeds = _weight_seeds.get()
    if weight_seeds is None or not (seed is None or isinstance(seed, int)):
        return seed
    return next(weight_seeds)


def make_key(seed: Any) -> Tensor:
    """Return (seed, counter) as int32 of shape (2,), not yet folded; a `SeedGenerator` advances its counter by one."""
    seed = override_seed(seed) if seed is None else seed
    # Keras advances its global generator by a product that overflows, to a different number on each backend.
    return ops.cast(draw_seed(global_generator() if seed is None else seed), "int32")


def retry_key(key: Tensor, attempt: int) -> Tensor:
    """Return the key of another attempt at the same elements."""
    return key + ops.convert_to_tensor([_to_int32(host.retry_seed(0, attempt)), 0], "int32")


def shaped_random_bits(key: Tensor, shape: Sequence[Any], axis: int = 0) -> Tensor:
    """Return `generator.random_bits`, in this shape.

    A worker that computes some rows of a batch draws for the whole batch, so that each row gets the bits that it has
    without other workers. These are the draws whose length along `axis` is a multiple of the rows.
    """
    whole, own = _of_whole_batch(shape, axis)
    drawn = ops.reshape(random_bits_flat(key, num_elements(whole)), whole)
    return drawn if own is None else drawn[own]


def shaped_triples(key: Tensor, shape: Sequence[Any]) -> list[Tensor]:
    """Return `generator.hash3` of the elements: three int32 tensors of this shape, as `shaped_random_bits`."""
    whole, own = _of_whole_batch(shape, 0)
    triples = ops.reshape(random_bits_flat(key, 3 * num_elements(whole)), (3, *whole))
    return [triples[k] if own is None else triples[k][own] for k in range(3)]


def are_own_rows(length: Any) -> bool:
    """Return whether an axis of this length is that of the rows of a worker, which computes some rows of a batch."""
    return _of_whole_batch((length,), 0)[1] is not None


def _of_whole_batch(shape: Sequence[Any], axis: int) -> tuple[tuple[Any, ...], tuple[slice, ...] | None]:
    """Return the shape of a draw for the whole batch, and the part of this worker; None if that is all of it."""
    share, shape = current_share(), tuple(shape)
    if share is None or share.is_whole or len(shape) <= axis or not isinstance(shape[axis], int):
        return shape, None
    each, rest = divmod(shape[axis], share.stop - share.start)
    if rest or not each:
        return shape, None
    whole = (*shape[:axis], share.rows * each, *shape[axis + 1 :])
    return whole, (*[slice(None)] * axis, slice(share.start * each, share.stop * each))


def random_bits_flat(key: Tensor, count: Any) -> Tensor:
    """Return `generator.random_bits`: int32 of shape (count,). Every number drawn in a step comes from here."""
    in_pipeline = is_in_pipeline()
    bits = None if in_pipeline else _engine_bits(key, count)
    if bits is None:
        bits = ops.concatenate(_components(key, (count + 2) // 3))[:count]
    for draws in () if in_pipeline else _captures.get():
        draws.append(bits)
    return bits


def num_elements(shape: Sequence[Any]) -> Any:
    """Return the number of elements, a tensor if one of the lengths is a tensor."""
    size: Any = 1
    for length in shape:
        size = size * length
    return size


def _components(key: Tensor, elements: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Compute pcg3d, as `generator.pcg3d` does."""
    element = ops.arange(elements, dtype="int32")
    x, y, z = (word * host.LCG_FACTOR + host.LCG_TERM for word in (_fold(key[0]), _fold(key[1]), element))
    return _round(*map(_fold, _round(x, y, z)))


def _fold(word: Tensor) -> Tensor:
    return ops.bitwise_xor(word, ops.bitwise_and(ops.right_shift(word, 16), _HALF_MASK))


def _round(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x = x + y * z
    y = y + z * x
    return x, y, z + x * y


def _to_int32(word: int) -> int:
    return word - 2**32 if word >= 2**31 else word
