"""The fast path of pooling: its gradient by slices of the input, each with one element of all windows.

On a CPU, XLA computes the gradient of max pooling in a loop over single elements, which is thirty times slower, and
that of average pooling by adding all elements of a window for each element of the input.
"""

import contextlib
import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kerasbridge.engines.fast_paths import use
from kerasbridge.engines.jax.windows import Window, add, window
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat.monkeypatch import patched

NAME = "pooling-gradients"
MAX_SLICES = 16
"""Slices above which the gradient is that of XLA: each of them takes time to compile."""
FEW_ELEMENTS = 4
"""Elements of a window up to which XLA adds them fast enough."""
_reduce_by_xla = jax.lax.reduce_window


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
    size, distances = tuple(window_dimensions), (1,) * operand.ndim
    return pool(operand, window(operand.shape, size, window_strides, padding, distances))


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
    return _reduce_by_xla(x, -math.inf, jax.lax.max, window.size, window.strides, window.padding)


def _max_pool_jvp(window: Window, primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the maxima and their tangents; JAX finds the gradient by transposing the sum over the positions."""
    (x,), (tangent,) = primals, tangents
    maxima, chosen = _max_pool(x, window), _chosen_positions(x, window)
    if window.is_disjoint:
        of_window = jax.lax.expand_dims(chosen, window.axes)
        positions = jnp.arange(math.prod(window.size)).reshape([length for size in window.size for length in (1, size)])
        return maxima, jnp.where(of_window == positions, window.split(tangent), 0).sum(window.axes)
    parts = enumerate(window.elements(tangent))
    return maxima, add(jnp.where(chosen == index, part, 0) for index, part in parts)


_max_pool.defjvp(_max_pool_jvp)


def _chosen_positions(x: Tensor, window: Window) -> Tensor:
    """Return the index of the position that each window takes its maximum from, as XLA chooses it.

    It goes through the window, with -inf for padding, and replaces the element that it has unless that is greater or
    equal: so it takes the first maximum, and after NaN the next element.
    """
    largest, *others = window.elements(x, -math.inf)
    chosen = jnp.zeros(largest.shape, "int32")
    for index, element in enumerate(others, 1):
        keeps = largest >= element
        chosen, largest = jnp.where(keeps, chosen, index), jnp.where(keeps, largest, element)
    return chosen


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _sum_pool(x: Tensor, window: Window) -> Tensor:
    return _reduce_by_xla(x, 0.0, jax.lax.add, window.size, window.strides, window.padding)


def _sum_pool_jvp(window: Window, primals: tuple[Tensor], tangents: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the sums and their tangents, which are added along one axis after the other."""
    (x,), (tangent,) = primals, tangents
    sums = _sum_pool(x, window)
    if window.is_disjoint:
        return sums, window.split(tangent).sum(window.axes)
    for axis in range(x.ndim):
        tangent = add(window.along(axis).elements(tangent))
    return sums, tangent


_sum_pool.defjvp(_sum_pool_jvp)
