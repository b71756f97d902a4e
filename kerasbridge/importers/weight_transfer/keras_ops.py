"""Determine what operations of `keras.ops` in a functional model do to the axes of a tensor.

Only the operations listed here are known to keep or to move axes; through any other one the order is lost.
"""

import re
from collections.abc import Sequence
from typing import Any

_ACTIVATIONS = (
    "Celu Elu Gelu HardShrink HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax Relu Relu6 Selu Sigmoid "
    "Silu SoftShrink Softmax Softplus Softsign SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold"
)
_OF_ONE = (
    "Abs Absolute Arccos Arccosh Arcsin Arcsinh Arctan Arctanh Cast Cbrt Ceil Clip ConvertToTensor Copy Cos Cosh Erf "
    "Erfc Erfinv Exp Exp2 Expm1 Fabs Floor Log Log10 Log1p Log2 NanToNum Negative Normalize OnesLike Reciprocal Round "
    "Rsqrt SaturateCast Sign Sin Sinc Sinh Sqrt Square StopGradient Tan Tanh Trunc ZerosLike"
)
_OF_SEVERAL = (
    "Add Arctan2 Divide DivideNoNan Equal FloorDivide Fmax Fmin Fmod Greater GreaterEqual Heaviside Hypot Less "
    "LessEqual Logaddexp LogicalAnd LogicalNot LogicalOr LogicalXor Maximum Minimum Mod Multiply NotEqual Power "
    "Subtract TrueDivide Where"
)
_ELEMENTWISE = frozenset(f"{_ACTIVATIONS} {_OF_ONE} {_OF_SEVERAL}".split())
_ALONG_AXES = frozenset({"Cumprod", "Cumsum", "Flip", "Roll"})
_OF_IMAGES = frozenset({"AveragePool", "CropImages", "GaussianBlur", "MaxPool", "Pad", "PadImages", "Resize"})


def kind(operation: Any) -> str:
    """Return the name of an operation of `keras.ops`; "" for a layer."""
    return type(operation).__name__ if type(operation).__module__.startswith("keras.src.ops") else ""


def is_elementwise(operation: Any) -> bool:
    """Return whether an operation works on each element of its inputs, or along axes without moving them."""
    name = kind(operation)
    return name in _ELEMENTWISE or (name in _ALONG_AXES and getattr(operation, "axis", None) is not None)


def keeps_axes(operation: Any) -> bool:
    """Return whether an operation on images keeps their axes, but not their sizes."""
    return kind(operation) in _OF_IMAGES


def moved_axes(operation: Any, rank: int) -> tuple[int, ...] | None:
    """Return the axes of the input that become those of the output, the batch included; None if none are moved.

    Args:
        rank: of the input, with the batch.
    """
    match kind(operation):
        case "Transpose":
            axes = operation.axes
            return tuple(range(rank))[::-1] if axes is None else tuple(int(axis) % rank for axis in axes)
        case "Swapaxes":
            return _moved(rank, (operation.axis1, operation.axis2), (operation.axis2, operation.axis1))
        case "Moveaxis":
            return _moved(rank, operation.source, operation.destination)
        case "Einsum":
            return _permuted_letters(operation.subscripts, rank)
    return None


def _moved(rank: int, source: int | Sequence[int], destination: int | Sequence[int]) -> tuple[int, ...]:
    sources, destinations = (
        [axis % rank for axis in ([axes] if isinstance(axes, int) else axes)] for axes in (source, destination)
    )
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return tuple(order)


def _permuted_letters(subscripts: str, rank: int) -> tuple[int, ...] | None:
    """Return the axes that an einsum of one tensor moves, such as "bhwc->bwhc"; None if it does anything else."""
    if not re.fullmatch(r"[A-Za-z]+->[A-Za-z]+", subscripts.replace(" ", "")):
        return None
    before, after = subscripts.replace(" ", "").split("->")
    distinct = len({*before}) == len(before) == rank and sorted(before) == sorted(after)
    return tuple(before.index(letter) for letter in after) if distinct else None
