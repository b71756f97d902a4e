"""Portable random numbers on the host: the same bits on every machine, whatever the backend.

The generator is pcg3d (Mark Jarzynski and Marc Olano, "Hash Functions for GPU Rendering", Journal of Computer
Graphics Techniques 9(3), 2020): a hash of three 32-bit integers to three, in multiplications, additions and
shifts that every array library has. It is keyed by (seed, counter, element), so no number depends on which was
drawn before it. `bits.py` computes the same bits inside a compiled step.

Two things are fixed here and nowhere else. A seed and a counter are folded, upper half onto lower, before they are
hashed: pcg3d's products carry a bit only upwards, so that the topmost bits of a key would reach half the word. And
`count` words are the first components of ceil(count / 3) elements, then their second components, then their third:
three stretches of memory, which a processor fills several times faster than interleaved words.
"""

import contextlib
import hashlib
import random as python_random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Bits = np.ndarray[Any, np.dtype[np.uint32]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Rows = np.ndarray[Any, np.dtype[np.int32]]
Counters = np.ndarray[Any, np.dtype[np.int64]]

LCG_FACTOR, LCG_TERM = 1664525, 1013904223
# A normal draw outside two standard deviations is replaced by the next attempt; six of them all fail for one
# element in 10^8, which is then clipped.
TRUNCATION_ATTEMPTS = 6
_ORDER = "order of rows"
_BITS_IN_CACHE = 2**13
_MASK32 = 0xFFFFFFFF


def pcg3d(x: Bits, y: Bits, z: Bits) -> tuple[Bits, Bits, Bits]:
    """Hash three words to three, elementwise on uint32 arrays (Jarzynski and Olano 2020, listing "pcg3d")."""
    with np.errstate(over="ignore"):
        factor, term, half = np.uint32(LCG_FACTOR), np.uint32(LCG_TERM), np.uint32(16)
        x, y, z = x * factor + term, y * factor + term, z * factor + term
        x = x + y * z
        y = y + z * x
        z = z + x * y
        for word in (x, y, z):
            word ^= word >> half
        x += y * z
        y += z * x
        z += x * y
    return x, y, z


def hash3(seed: int, counter: int | Counters, elements: Bits) -> tuple[Bits, Bits, Bits]:
    """Return the three uint32 words of each element; several counters broadcast against the elements."""
    counters = np.bitwise_and(counter, _MASK32).astype(np.uint32)
    return pcg3d(
        fold_halves(np.array([seed & _MASK32], np.uint32)), fold_halves(counters), np.asarray(elements, np.uint32)
    )


def fold_halves(bits: Bits) -> Bits:
    """Fold the upper half of each word onto its lower half; different words stay different."""
    folded: Bits = bits ^ (bits >> np.uint32(16))
    return folded


def random_bits(seed: int, counter: int, count: int) -> Bits:
    """Return `count` words; word i is component i // n of element i % n, where n is ceil(count / 3)."""
    drawn: Bits = random_bits_batch(seed, counter, count, 1)[0]
    return drawn


def random_bits_batch(seed: int, counter: int, count: int, draws: int) -> Bits:
    """Return the `random_bits` of `draws` counters from `counter` on: uint32 of shape (draws, count)."""
    counters = counter + np.arange(draws, dtype=np.int64)[:, None]
    elements = np.arange(-(-count // 3), dtype=np.uint32)
    drawn = np.empty((draws, 3, elements.size), np.uint32)
    piece = max(1, _BITS_IN_CACHE // draws)
    for start in range(0, elements.size, piece):
        span = slice(start, start + piece)
        for component, values in enumerate(hash3(seed, counters, elements[span])):
            drawn[:, component, span] = values
    bits: Bits = drawn.reshape(draws, -1)[:, :count]
    return bits


def fold_in(seed: int, *path: object) -> int:
    """Return a 31-bit seed for one purpose, such as ``fold_in(7, "masks", 3)``, independent of those for others."""
    digest = hashlib.sha256(repr((int(seed), *path)).encode()).digest()
    return int.from_bytes(digest[:4], "little") & 0x7FFFFFFF


def uniform(seed: int, counter: int, shape: Sequence[int]) -> Floats:
    """Draw numbers in [0, 1), multiples of 2^-24: each is exact in float32."""
    return _unit(random_bits(seed, counter, _size(shape))).reshape(tuple(shape))


def normal(seed: int, counter: int, shape: Sequence[int]) -> Floats:
    """Draw standard normal numbers (Box and Muller 1958), computed in float64."""
    return _box_muller(hash3(seed, counter, np.arange(_size(shape), dtype=np.uint32))).reshape(tuple(shape))


def truncated_normal(seed: int, counter: int, shape: Sequence[int]) -> Floats:
    """Draw standard normal numbers within two standard deviations; others are drawn again, up to six times."""
    elements = np.arange(_size(shape), dtype=np.uint32)
    drawn = np.empty(elements.size)
    missing = elements
    for attempt in range(TRUNCATION_ATTEMPTS):
        drawn[missing] = _box_muller(hash3(retry_seed(seed, attempt), counter, missing))
        missing = missing[np.abs(drawn[missing]) >= 2.0]
    return np.clip(drawn, -2.0, 2.0).reshape(tuple(shape))


def orthogonal(seed: int, counter: int, rows: int, columns: int) -> Floats:
    """Draw orthonormal columns, uniform among all such matrices: the Q, with R's diagonal positive, of normal numbers.

    Computed by modified Gram-Schmidt (Björck 1967) in NumPy sums, since LAPACK adds in another order on each machine.
    The error, float64 rounding times the condition of the matrix, is below what float32 can show.

    Raises:
        ValueError: fewer rows than columns.
    """
    if rows < columns:
        raise ValueError(f"Expected at least as many rows as columns, received {rows} and {columns}. Transpose it.")
    matrix = normal(seed, counter, (rows, columns))
    for index in range(columns):
        column, later = matrix[:, index].copy(), matrix[:, index + 1 :]
        column /= np.sqrt((column * column).sum())
        later -= column[:, None] * (column[:, None] * later).sum(axis=0)
        matrix[:, index] = column
    return matrix


def retry_seed(seed: int, attempt: int) -> int:
    """Return the seed of a further attempt at the same element: attempt 0 keeps it."""
    return (seed + attempt * 0x3C6EF372) & _MASK32


def permutation(seed: int, epoch: int, rows: int) -> Rows:
    """Return the order of the rows in an epoch: int32 of shape (rows,), from (seed, epoch) alone."""
    keys = _keys_of_rows(seed, epoch, rows)
    order = np.argsort(keys)  # several times as fast as a stable one, and the same unless two keys are equal
    ordered = keys[order]
    if (ordered[1:] == ordered[:-1]).any():
        order = np.argsort(keys, kind="stable")
    return order.astype(np.int32)


def sample(seed: int, rows: int, count: int) -> Rows:
    """Return the first `count` rows of the permutation of epoch 0, without sorting the others."""
    keys = _keys_of_rows(seed, 0, rows)
    if count < rows:
        found = np.flatnonzero(keys <= np.partition(keys, count)[count])
        return found[np.argsort(keys[found], kind="stable")][:count].astype(np.int32)
    return permutation(seed, 0, rows)


def _keys_of_rows(seed: int, epoch: int, rows: int) -> np.ndarray[Any, Any]:
    return random_bits(fold_in(seed, _ORDER), epoch, 2 * rows).view(np.uint64)


def new_seed() -> int:
    """Draw a seed from Python's `random`, as Keras does by default: `random.seed` makes it repeatable."""
    return python_random.randint(0, 0x7FFFFFFF)


def peek_seed() -> int:
    """Return the seed that `new_seed` would draw next, without drawing it."""
    with preserve_host_rng():
        return new_seed()


@contextlib.contextmanager
def preserve_host_rng() -> Iterator[None]:
    """Restore the states of Python's `random` and NumPy at the end."""
    state = host_rng_state()
    try:
        yield
    finally:
        set_host_rng_state(state)


def host_rng_state() -> tuple[Any, Any]:
    """Return the states of Python's `random` and NumPy."""
    return python_random.getstate(), np.random.get_state()


def set_host_rng_state(state: tuple[Any, Any]) -> None:
    """Set the states of Python's `random` and NumPy."""
    python_random.setstate(state[0])
    np.random.set_state(state[1])


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(tuple(shape), dtype=np.int64))


def _unit(drawn: Bits) -> Floats:
    unit: Floats = np.multiply(drawn >> np.uint32(8), 2.0**-24)
    return unit


def _box_muller(drawn: tuple[Bits, Bits, Bits]) -> Floats:
    radius = np.sqrt(-2.0 * np.log(_unit(drawn[0]) + 2.0**-24))
    angle: Floats = np.cos(2.0 * np.pi * (_unit(drawn[1]) - 0.5))
    product: Floats = radius * angle
    return product
