"""Convolutions. Theano's turn their kernels in space, and pad in their own way."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, check_softmax, with_bias
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_DEPTHWISE = tuple(f"depthwise_{name}" for name in ("initializer", "regularizer", "constraint"))
_BIASED = tuple(name for name in WEIGHTED if not name.startswith("kernel"))
_POINTWISE = tuple(f"pointwise_{name}" for name in ("initializer", "regularizer", "constraint"))


def flipped(kernel: Array, axes: int) -> Array:
    """A kernel turned in space: along its first axes."""
    return np.ascontiguousarray(kernel[(slice(None, None, -1),) * axes])


def _convolution(kind: str, axes: int, kernels: Sequence[str], *names: str) -> Callable[[Said], Layer]:
    """What makes a convolution of some class.

    Args:
        kind: the class, as in Keras 3.
        axes: how many axes of space it has.
        kernels: how its kernels are called, the one that has axes of space first.
        names: its arguments beside those of its windows.
    """

    def layer(said: Said) -> Layer:
        size, strides, rate = (said.numbers(name, axes) for name in ("kernel_size", "strides", "dilation_rate"))
        if max(strides) > 1 and max(rate) > 1:
            raise UnsupportedLayer("has strides and dilation at once, which Keras 3 has not")
        options = said.options(*names) | {"kernel_size": size, "strides": strides, "dilation_rate": rate}
        padding, before = _padded(said, axes, [rate * (k - 1) + 1 for rate, k in zip(rate, size, strict=True)])
        order = said.data_format(axes)
        main = Part(kind, options | {"padding": padding}, order)
        parts = (Part(f"ZeroPadding{axes}D", {"padding": before}, order, "pad"), main) if before else (main,)
        check_softmax(options, order)
        turn = said.origin.flips_kernels(said.name) if max(size) > 1 else False

        def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
            kernel = flipped(arrays[0], axes) if turn else arrays[0]
            return [()] * (len(parts) - 1) + [[kernel, *arrays[1:]]]

        return said.layer(*parts, names=with_bias(said, *kernels), arrange=arrange)

    return layer


def _padded(said: Said, axes: int, reach: Sequence[int]) -> tuple[str, Any]:
    """Keras 3's word for the padding, and zeros before the layer where it has none.

    Theano's "same" puts half the kernel on both sides, and leaves out what is beyond ceil(n / stride): zeros of
    ``reach // 2`` before and ``reach - 1 - reach // 2`` behind give the same.
    """
    padding = said.get("padding", "valid")
    if padding == "full":
        return "valid", pairs([(size - 1, size - 1) for size in reach])
    strides = said.numbers("strides", axes)
    alike = max(strides) == 1 and all(size % 2 for size in reach)
    if padding == "same" and not alike and said.origin.is_theano(said.name):
        return "valid", pairs([(size // 2, size - 1 - size // 2) for size in reach])
    if padding not in ("valid", "same", "causal"):
        raise UnsupportedLayer(f"has the padding {padding!r}")
    return padding, None


def pairs(sides: list[tuple[int, int]]) -> Any:
    """What Keras calls the zeros before and behind each axis: a pair, or a tuple of pairs."""
    return sides[0] if len(sides) == 1 else tuple(sides)


def _transposed(kind: str, axes: int) -> Callable[[Said], Layer]:
    """What makes a transposed convolution: the whole of it, and a crop.

    The whole of n has ``(n - 1) * stride + kernel`` numbers. "same" keeps ``n * stride`` of them: Theano from
    ``kernel // 2`` on, TensorFlow from ``(kernel - stride) // 2`` on. Keras 3 on torch begins elsewhere where
    ``kernel - stride`` is odd.
    """

    def layer(said: Said) -> Layer:
        size, strides, rate = (said.numbers(name, axes) for name in ("kernel_size", "strides", "dilation_rate"))
        if max(rate) > 1 or said.get("output_padding") is not None:
            raise UnsupportedLayer("has dilation or output_padding, which is not brought")
        options = said.options("filters", *WEIGHTED) | {"strides": strides, "padding": "valid"}
        order = said.data_format(axes)
        longer = [max(0, stride - k) for k, stride in zip(size, strides, strict=True)]
        options["kernel_size"] = tuple(k + more for k, more in zip(size, longer, strict=True))
        turn = said.origin.flips_kernels(said.name) if max(size) > 1 else False
        crop, options = _cropped(said, axes, size, strides, options)

        def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
            kernel = flipped(arrays[0], axes) if turn else arrays[0]
            kernel = np.pad(kernel, [*((0, more) for more in longer), (0, 0), (0, 0)])
            return [[kernel, *arrays[1:]], *([()] if crop else [])]

        parts = [Part(kind, options, order, "whole" if crop else "")]
        parts += [Part(f"Cropping{axes}D", {"cropping": crop}, order)] if crop else []
        return said.layer(*parts, names=with_bias(said, "kernel"), arrange=arrange)

    return layer


def _cropped(
    said: Said, axes: int, size: Sequence[int], strides: Sequence[int], options: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """What is cut off from the whole, and the options with which it is large enough; no crop where "same" says it."""
    same, goal = said.get("padding", "valid") == "same", _goal(said, axes)
    theano = said.origin.is_theano(said.name) if same or goal else False
    even = all(k >= stride and (k - stride) % 2 == 0 for k, stride in zip(size, strides, strict=True))
    if same and even and not theano and goal is None:
        return None, options | {"padding": "same"}
    sides, missing = [], []
    for axis, (k, stride) in enumerate(zip(size, strides, strict=True)):
        whole = max(k, stride)
        count = stride if goal is None else _beyond(goal[axis], k, stride, same, theano)
        surplus = whole - count if same or goal is not None else 0
        before = (k // 2 if theano else max(surplus, 0) // 2) if same else 0
        sides.append((before, max(surplus - before, 0)))
        missing.append(max(before - surplus, 0))
    if any(missing):
        needed = [max(0, stride - k) for k, stride in zip(size, strides, strict=True)]
        if any(needed):
            raise UnsupportedLayer("has strides larger than its kernel and an output larger than they give")
        options = options | {"output_padding": tuple(missing)}
    return (pairs(sides) if any(map(any, sides)) else None), options


def _goal(said: Said, axes: int) -> list[int] | None:
    """The height and width of what comes out, which Keras 1 has in the file."""
    shape = said.get("output_shape")
    if shape is None:
        return None
    first = said.origin.data_format_of(said.config) == "channels_first"
    return [int(number) for number in (shape[2:] if first else shape[1:-1])][:axes]


def _beyond(goal: int, size: int, stride: int, same: bool, theano: bool) -> int:
    """By how much the goal is larger than (n - 1) * stride, where n is what comes in for which it can be the goal."""
    if same:
        n = (goal + 2 * (size // 2) - size) // stride + 1 if theano else -(-goal // stride)
    else:
        n = (goal - size) // stride + 1
    return goal - (n - 1) * stride


def _windowed(kind: str, axes: int) -> Callable[[Said], Layer]:
    return _convolution(kind, axes, ("kernel",), "filters", "groups", *WEIGHTED)


def _separable(kind: str, axes: int) -> Callable[[Said], Layer]:
    names = ("filters", "depth_multiplier", *_BIASED, *_DEPTHWISE, *_POINTWISE)
    return _convolution(kind, axes, ("depthwise_kernel", "pointwise_kernel"), *names)


def _depthwise(kind: str, axes: int) -> Callable[[Said], Layer]:
    return _convolution(kind, axes, ("depthwise_kernel",), "depth_multiplier", *_BIASED, *_DEPTHWISE)


TABLE: Table = {
    "Conv1D": _windowed("Conv1D", 1), "Conv2D": _windowed("Conv2D", 2), "Conv3D": _windowed("Conv3D", 3),
    "SeparableConv1D": _separable("SeparableConv1D", 1), "SeparableConv2D": _separable("SeparableConv2D", 2),
    "DepthwiseConv1D": _depthwise("DepthwiseConv1D", 1), "DepthwiseConv2D": _depthwise("DepthwiseConv2D", 2),
    "Conv1DTranspose": _transposed("Conv1DTranspose", 1), "Conv2DTranspose": _transposed("Conv2DTranspose", 2),
    "Conv3DTranspose": _transposed("Conv3DTranspose", 3),
}  # fmt: skip
