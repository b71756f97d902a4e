"""Products of large matrices on the CPU by oneDNN, which takes half the time of torch's own on many machines."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from kerasbridge.engines import fast_paths
from kerasbridge.engines.step import Tensor
from kerasbridge.engines.torch.transforms import is_transformed
from kerasbridge.keras_compat.patches import patch_numpy_function
from kerasbridge.keras_compat.tensors import to_tensor

NAME = "onednn-matmul"
MIN_SIZE = 2**21
"""Multiplications in a product from which on oneDNN saves more time than calling it takes."""


@contextlib.contextmanager
def onednn_products() -> Iterator[None]:
    """Compute products with a matrix, as of dense layers, by this fast path in this thread, where it applies."""
    with patch_numpy_function("matmul", _matmul), patch_numpy_function("einsum", _einsum):
        yield


def _matmul(original: Callable[..., Any], x: Any, matrix: Any) -> Any:
    """Return the product of the last axis of a tensor and the first of a matrix."""
    if isinstance(x, torch.Tensor) and x.ndim > 1:
        matrix = to_tensor(matrix)
        if matrix.ndim == 2 and _applies(x, matrix):
            return product(x.flatten(0, -2), matrix).view(*x.shape[:-1], -1)
    return original(x, matrix)


def _einsum(original: Callable[..., Any], equation: str, *operands: Any, **options: Any) -> Any:
    """Compute a sum over the last axes of one tensor and the first of another, as in attention, as one product."""
    axes = _contracted(equation) if len(operands) == 2 and isinstance(operands[0], torch.Tensor) else None
    if axes is None:
        return original(equation, *operands, **options)
    x, weights = operands[0], to_tensor(operands[1])
    kept, units = x.shape[:-axes], weights.shape[axes:]
    if x.shape[-axes:] != weights.shape[:axes] or not (kept and units):
        return original(equation, *operands, **options)
    rows, matrix = x.flatten(-axes), weights.flatten(0, axes - 1).flatten(1)
    if not _applies(rows, matrix):
        return original(equation, *operands, **options)
    return product(rows.flatten(0, -2), matrix).view(*kept, *units)


@functools.cache
def _contracted(equation: str) -> int | None:
    """Return how many of the last axes of one operand are the first of the other, if nothing else happens to them."""
    operands, arrow, result = equation.replace(" ", "").partition("->")
    one, _, other = operands.partition(",")
    letters = set(one) | set(other)
    shared = len(one) + len(other) - len(letters)
    is_product = shared > 0 and one[-shared:] == other[:shared] and result == one[:-shared] + other[shared:]
    return shared if arrow and operands.replace(",", "").isalpha() and is_product else None


def _applies(x: Tensor, matrix: Tensor) -> bool:
    return (
        x.shape[-1] == matrix.shape[0]
        and x.numel() * matrix.shape[1] >= MIN_SIZE
        and x.dtype == matrix.dtype == torch.float32
        and x.device.type == matrix.device.type == "cpu"
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not is_transformed()
        and fast_paths.use(NAME)
    )


def product(one: Tensor, other: Tensor) -> Tensor:
    """Return the product of two matrices, which can be differentiated any number of times."""
    if torch.is_grad_enabled() and (one.requires_grad or other.requires_grad):
        result: Tensor = _Product.apply(one, other)
        return result
    return _multiply(one, other)


class _Product(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, one: Tensor, other: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(one, other)
        return _multiply(one, other)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of both matrices."""
        one, other = ctx.saved_tensors
        needs_one, needs_other = ctx.needs_input_grad
        return (
            product(d, other.t()) if needs_one else None,
            product(one.t(), d) if needs_other else None,
        )


def _multiply(one: Tensor, other: Tensor) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(one, other.t(), None, "none", [], "")
    return result
