"""The fast path of pooling: its gradient by slices of the input, each with one element of all windows.

On a CPU, XLA computes the gradient of max pooling in a loop over single elements, which is thirty times slower, and
that of average pooling by adding all elements of a window for each element of the input.
"""

import contextlib
import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kerasbridge.engines.fast_paths import use
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat.monkeypatch import patched

NAME = "pooling-gradients"
MAX_SLICES = 16
"""Slices above which the gradient is that of XLA: each of them takes time to compile."""
FEW_ELEMENTS = 4
"""Elements of a window up to which XLA adds them fast enough."""


class Window(NamedTuple):
    """A window that moves over a tensor: its size, strides and padding (before, after) along each axis."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def is_disjoint(self) -> bool:
        """Return whether windows follow each other, so that no element is in two or between two of them."""
        return self.size == self.strides

    @property
    def axes(self) -> tuple[int, ...]:
        """Return the axes of elements, if one of elements follows each axis of windows."""
        return tuple(range(1, 2 * len(self.size), 2))

    def along(self, axis: int) -> "Window":
        """Return the window that has one element along the other axes, where it moves by one."""

        def only(values: tuple[Any, ...], default: Any) -> tuple[Any, ...]:
            return tuple(value if index == axis else default for index, value in enumerate(values))

        return Window(only(self.size, 1), only(self.strides, 1), only(self.padding, (0, 0)))


def fast_pooling_gradients() -> contextlib.AbstractContextManager[None]:
    """Compute the gradients of pooling by this fast path in this thread, where it applies."""
    return patched(jax.lax, "reduce_window", _reduce_window)


def _reduce_window(
    original: Any,
    operand: Any,
    init_value: Any,
    computation: Any,
    window_dimensions: Any,
    window_strides: Any,
    padding: Any,
    *dilations: Any,
    **options: Any,
) -> Any:
    """Compute `jax.lax.reduce_window`; if it is a pooling, with the gradient of this fast path."""
    pool = None if dilations or options else _pooling(init_value, computation, window_dimensions)
    if pool is None or not _is_float(operand) or not use(NAME):
        arguments = operand, init_value, computation, window_dimensions, window_strides, padding, *dilations
        return original(*arguments, **options)
    if isinstance(padding, str):
        padding = jax.lax.padtype_to_pads(operand.shape, window_dimensions, window_strides, padding)
    sides = tuple((int(before), int(after)) for before, after in padding)
    return pool(operand, Window(tuple(window_dimensions), tuple(window_strides), sides))


def _is_float(operand: Any) -> bool:
    return isinstance(operand, jax.Array) and bool(jnp.issubdtype(operand.dtype, jnp.floating))


def _pooling(init_value: Any, computation: Any, size: Sequence[int]) -> Any:
    """Return the function that pools in this way; None if it is computed as XLA does."""
    if not isinstance(init_value, float):
        return None
    elements = math.prod(size)
    if computation is jax.lax.max and init_value == -math.inf and 1 < elements <= MAX_SLICES:
        return _max_pool
    if computation is jax.lax.add and init_value == 0 and elements > FEW_ELEMENTS and sum(size) <= MAX_SLICES:
        return _sum_pool
    return None


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max_pool(x: Tensor, window: Window) -> Tensor:
    return jax.lax.reduce_window(x, -math.inf, jax.lax.max, *window)


def _max_pool_jvp(window: Window, primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the maxima and their tangents; JAX finds the gradient by transposing the sum over the positions."""
    (x,), (tangent,) = primals, tangents
    maxima = _max_pool(x, window)
    chosen = _chosen_positions(x, window, maxima.shape)
    if window.is_disjoint:
        of_window = jax.lax.expand_dims(chosen, window.axes)
        positions = jnp.arange(math.prod(window.size)).reshape([length for size in window.size for length in (1, size)])
        return maxima, jnp.where(of_window == positions, _windows(tangent, window, maxima.shape), 0).sum(window.axes)
    parts = _elements(tangent, window, maxima.shape, 0)
    return maxima, _sum(jnp.where(chosen == index, part, 0) for index, part in enumerate(parts))


_max_pool.defjvp(_max_pool_jvp)


def _chosen_positions(x: Tensor, window: Window, shape: Sequence[int]) -> Tensor:
    """Return the index of the position that each window takes its maximum from, as XLA chooses it.

    It goes through the window, with -inf for padding, and replaces the element that it has unless that is greater or
    equal: so it takes the first maximum, and after NaN the next element.
    """
    chosen = jnp.zeros(shape, "int32")
    largest, *others = _elements(x, window, shape, -math.inf)
    for index, element in enumerate(others, 1):
        keeps = largest >= element
        chosen, largest = jnp.where(keeps, chosen, index), jnp.where(keeps, largest, element)
    return chosen


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _sum_pool(x: Tensor, window: Window) -> Tensor:
    return jax.lax.reduce_window(x, 0.0, jax.lax.add, *window)


def _sum_pool_jvp(window: Window, primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the sums and their tangents, which are added along one axis after the other."""
    (x,), (tangent,) = primals, tangents
    sums = _sum_pool(x, window)
    if window.is_disjoint:
        return sums, _windows(tangent, window, sums.shape).sum(window.axes)
    for axis, count in enumerate(sums.shape):
        shape = (*tangent.shape[:axis], count, *tangent.shape[axis + 1 :])
        tangent = _sum(_elements(tangent, window.along(axis), shape, 0))
    return sums, tangent


_sum_pool.defjvp(_sum_pool_jvp)


def _windows(x: Tensor, window: Window, shape: Sequence[int]) -> Tensor:
    """Return disjoint windows, in a tensor with an axis of windows and one of elements for each of its axes."""
    padded = _padded(x, window, shape, 0)
    return padded.reshape([length for pair in zip(shape, window.size, strict=True) for length in pair])


def _elements(x: Tensor, window: Window, shape: Sequence[int], padding: float) -> Iterator[Tensor]:
    """Yield, for each position in the window, the elements there of all windows, in a tensor of this shape."""
    padded = _padded(x, window, shape, padding)
    for position in itertools.product(*map(range, window.size)):
        stop = [
            start + (count - 1) * stride + 1
            for start, count, stride in zip(position, shape, window.strides, strict=True)
        ]
        yield jax.lax.slice(padded, position, stop, window.strides)


def _padded(x: Tensor, window: Window, shape: Sequence[int], padding: float) -> Tensor:
    """Return the tensor up to the end of the last window: with padding, or without the rows in no window."""
    sides = []
    for length, count, size, stride, (before, _) in zip(x.shape, shape, *window, strict=True):
        sides.append((before, (count - 1) * stride + size - before - length, 0))
    return jax.lax.pad(x, jnp.asarray(padding, x.dtype), sides)


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    return functools.reduce(jnp.add, tensors)
