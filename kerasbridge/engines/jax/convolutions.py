"""The fast path of convolutions that XLA computes slowly on a CPU.

A depthwise convolution, and the gradient of its input, become sums of slices of the input, each multiplied with one row
of the kernel: XLA takes thirty times as long. The gradient of its kernel is that of XLA, as slices would take a second
to compile. Of a convolution in other groups, or with a kernel of one element, the gradient of the kernel becomes a
matrix product for each element of the kernel: XLA takes sixty times as long, and four times.
"""

import contextlib
import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from kerasbridge.engines.fast_paths import use
from kerasbridge.engines.jax.windows import Window, add, window
from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat.monkeypatch import patched

NAME = "convolutions"
MAX_SLICES = 49
"""Elements of the largest kernel that is computed in this way; each of them takes time to compile."""
_OPTIONS = {"rhs_dilation", "dimension_numbers", "feature_group_count"}
_DTYPES = ("float32", "float64")
_convolve_by_xla = jax.lax.conv_general_dilated


def fast_convolutions() -> contextlib.AbstractContextManager[None]:
    """Compute convolutions by this fast path in this thread, where it applies."""
    return patched(jax.lax, "conv_general_dilated", _conv_general_dilated)


def _conv_general_dilated(
    original: Any, lhs: Any, rhs: Any, window_strides: Any, padding: Any, *others: Any, **options: Any
) -> Any:
    """Compute `jax.lax.conv_general_dilated`, by this fast path where it applies."""
    if others or not options.keys() <= _OPTIONS or not _are_floats(lhs, rhs):
        return original(lhs, rhs, window_strides, padding, *others, **options)
    groups = options.get("feature_group_count", 1)
    of_lhs, of_rhs, of_out = jax.lax.conv_dimension_numbers(lhs.shape, rhs.shape, options.get("dimension_numbers"))
    axes_of_x = (of_lhs[0], *of_lhs[2:], of_lhs[1])
    axes_of_kernel = (*of_rhs[2:], of_rhs[1], of_rhs[0])
    shape, of_kernel = [lhs.shape[axis] for axis in axes_of_x], [rhs.shape[axis] for axis in axes_of_kernel]
    distances = options.get("rhs_dilation") or (1,) * len(window_strides)
    moving = window(shape[1:-1], of_kernel[:-2], window_strides, padding, distances)
    if not _is_slow(shape, of_kernel, moving, groups) or not use(NAME):
        return original(lhs, rhs, window_strides, padding, **options)
    result = _convolve(jax.lax.transpose(lhs, axes_of_x), jax.lax.transpose(rhs, axes_of_kernel), moving, groups)
    return jax.lax.transpose(result, tuple(np.argsort((of_out[0], *of_out[2:], of_out[1]))))


def _are_floats(lhs: Any, rhs: Any) -> bool:
    return isinstance(lhs, jax.Array) and isinstance(rhs, jax.Array) and lhs.dtype == rhs.dtype in _DTYPES


def _is_slow(shape: Sequence[int], of_kernel: Sequence[int], moving: Window, groups: int) -> bool:
    """Return whether XLA is slow; not for what it refuses, or what has no element."""
    elements = math.prod(moving.size)
    is_valid = shape[-1] == groups * of_kernel[-2] and of_kernel[-1] % groups == 0
    is_empty = 0 in shape or 0 in of_kernel or min(moving.counts(shape[1:-1])) < 1
    return is_valid and not is_empty and (elements <= MAX_SLICES if groups > 1 else elements == 1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _convolve(x: Tensor, kernel: Tensor, moving: Window, groups: int) -> Tensor:
    """Convolve a tensor (batch, …, channels) with a kernel (…, channels of a group, filters)."""
    return (_sum_of_slices if _is_depthwise(kernel, groups) else _by_xla)(x, kernel, moving, groups)


def _convolve_jvp(
    moving: Window, groups: int, primals: tuple[Tensor, Tensor], tangents: tuple[Any, Any]
) -> tuple[Tensor, Tensor]:
    """Return the convolution and its tangent; JAX finds the gradients by transposing its two terms."""
    (x, kernel), (of_x, of_kernel) = primals, tangents
    result = _convolve(x, kernel, moving, groups)
    is_depthwise = _is_depthwise(kernel, groups)
    terms = [jnp.zeros_like(result)]
    if not isinstance(of_x, SymbolicZero):
        terms.append((_sum_of_slices if is_depthwise else _by_xla)(of_x, kernel, moving, groups))
    if not isinstance(of_kernel, SymbolicZero):
        terms.append((_by_xla if is_depthwise else _sum_of_products)(x, of_kernel, moving, groups))
    return result, add(terms)


_convolve.defjvp(_convolve_jvp, symbolic_zeros=True)


def _is_depthwise(kernel: Tensor, groups: int) -> bool:
    return groups > 1 and kernel.shape[-2] == 1


def _by_xla(x: Tensor, kernel: Tensor, moving: Window, groups: int) -> Tensor:
    axes = range(1, x.ndim - 1)
    of_x = (0, x.ndim - 1, *axes)
    numbers = jax.lax.ConvDimensionNumbers(of_x, (x.ndim - 1, x.ndim - 2, *range(x.ndim - 2)), of_x)
    return _convolve_by_xla(
        x,
        kernel,
        moving.strides,
        moving.padding,
        rhs_dilation=moving.dilation,
        dimension_numbers=numbers,
        feature_group_count=groups,
    )


def _sum_of_slices(x: Tensor, kernel: Tensor, moving: Window, groups: int) -> Tensor:
    """Convolve each channel with its filters."""
    rows = kernel.reshape(-1, kernel.shape[-1])
    repeats = kernel.shape[-1] // groups
    slices = moving.with_channels().elements(x)
    return add(jnp.repeat(part, repeats, axis=-1) * row for part, row in zip(slices, rows, strict=True))


def _sum_of_products(x: Tensor, kernel: Tensor, moving: Window, groups: int) -> Tensor:
    """Convolve each group of channels, by a matrix product for each element of the kernel."""
    matrices = kernel.reshape(-1, kernel.shape[-2], groups, kernel.shape[-1] // groups)
    slices = moving.with_channels().elements(x)
    products = [
        jnp.einsum("rgc,cgf->rgf", part.reshape(-1, groups, kernel.shape[-2]), matrix)
        for part, matrix in zip(slices, matrices, strict=True)
    ]
    return add(products).reshape(x.shape[0], *moving.counts(x.shape[1:-1]), kernel.shape[-1])
