"""Caffe's layers that have no weights, as operations."""

import math

from kerasbridge.importers.caffe.ops.base import number, pair, within
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops import (
    LRN,
    Activation,
    ArgMax,
    Clip,
    Concatenate,
    CropLike,
    Dropout,
    ElementwiseMerge,
    Flatten,
    GlobalPooling,
    MeanVarianceNormalization,
    Operation,
    Pooling,
    Power,
    Reduction,
    Reshape,
    ScaleShift,
    Softmax,
    Split,
    Threshold,
    Tile,
    Transpose,
)
from kerasbridge.importers.ir.unsupported import Unsupported


def pooling(layer: Layer) -> list[Operation]:
    """Pooling: sizes are rounded up unless `round_mode` says otherwise, and padding counts in averages."""
    options = layer.options("pooling")
    if options.pool not in (0, 1):
        raise Unsupported("has stochastic pooling")
    if len(layer.tops) > 1:
        raise Unsupported("has a second blob, of the places of the maxima")
    kind = "average" if options.pool else "max"
    if options.global_pooling:
        return [GlobalPooling(kind)]  # type: ignore[arg-type]
    window = within(pair(options, "kernel_size", 0, "kernel"), "kernel size")
    stride = within(pair(options, "stride", 1), "stride")
    down, right = within(pair(options, "pad", 0), "padding", 0)
    if down >= window[0] or right >= window[1]:
        raise Unsupported("has padding as large as its kernel")
    ceil = options.round_mode == 0
    return [Pooling(kind, window, stride, (down, down, right, right), ceil)]  # type: ignore[arg-type]


def relu(layer: Layer) -> list[Operation]:
    """ReLU, leaky where `negative_slope` is not 0."""
    return [Activation("relu", number(layer.options("relu").negative_slope))]


def elu(layer: Layer) -> list[Operation]:
    """ELU."""
    return [Activation("elu", number(layer.options("elu").alpha))]


def power(layer: Layer) -> list[Operation]:
    """Power: ``(shift + scale * x) ** power``."""
    options = layer.options("power")
    exponent = number(options.power)
    return _linear(options.scale, options.shift) + ([] if exponent == 1 else [Power(exponent)])


def exp(layer: Layer) -> list[Operation]:
    """Exp: ``base ** (shift + scale * x)``; a base of -1 is e."""
    options = layer.options("exp")
    factor = _log_of_base(options.base)
    return [*_linear(factor * options.scale, factor * options.shift), Activation("exponential")]


def log(layer: Layer) -> list[Operation]:
    """Log: the logarithm of ``shift + scale * x`` to a base; -1 is e."""
    options = layer.options("log")
    factor = _log_of_base(options.base)
    if factor == 0:
        raise Unsupported("has a base of 1")
    return [*_linear(options.scale, options.shift), Activation("logarithm"), *_linear(1 / factor, 0)]


def _log_of_base(base: float) -> float:
    if base != -1 and base <= 0:
        raise Unsupported(f"has a base of {base:g}")
    return 1.0 if base == -1 else math.log(base)


def _linear(scale: float, offset: float) -> list[Operation]:
    return [] if (scale, offset) == (1, 0) else [ScaleShift(number(scale), number(offset))]


def swish(layer: Layer) -> list[Operation]:
    """Swish: ``x * sigmoid(beta * x)``; what Keras has is that with a beta of 1."""
    if layer.options("swish").beta != 1:
        raise Unsupported(f"has a beta of {layer.options('swish').beta:g}")
    return [Activation("swish")]


def clip(layer: Layer) -> list[Operation]:
    """Clip."""
    options = layer.options("clip")
    return [Clip(number(options.min), number(options.max))]


def threshold(layer: Layer) -> list[Operation]:
    """Threshold."""
    return [Threshold(number(layer.options("threshold").threshold))]


def dropout(layer: Layer) -> list[Operation]:
    """Dropout."""
    return [Dropout(number(layer.options("dropout").dropout_ratio))]


def lrn(layer: Layer) -> list[Operation]:
    """LRN: alpha is divided by the number of cells in a window; within a channel k is always 1."""
    options = layer.options("lrn")
    size, alpha, beta = options.local_size, number(options.alpha), number(options.beta)
    if size % 2 == 0:
        raise Unsupported(f"has a local_size of {size}: Caffe takes odd ones only")
    if options.norm_region == 0:
        return [LRN(size, number(options.k), alpha / size, beta)]
    return [LRN(size, 1.0, alpha / size**2, beta, across=False)]


def mvn(layer: Layer) -> list[Operation]:
    """MVN."""
    options = layer.options("mvn")
    return [MeanVarianceNormalization(options.across_channels, options.normalize_variance, number(options.eps))]


def softmax(layer: Layer) -> list[Operation]:
    """Softmax."""
    return [Softmax(layer.options("softmax").axis)]


def eltwise(layer: Layer) -> list[Operation]:
    """Eltwise: a product, a sum with coefficients, or a maximum."""
    options = layer.options("eltwise")
    kind = ("product", "sum", "maximum")[options.operation]
    coefficients = tuple(map(number, options.coeff)) if kind == "sum" else ()
    return [ElementwiseMerge(kind, coefficients)]  # type: ignore[arg-type]


def concat(layer: Layer) -> list[Operation]:
    """Concat."""
    options = layer.options("concat")
    return [Concatenate(options.concat_dim if options.HasField("concat_dim") else options.axis)]


def slicing(layer: Layer) -> list[Operation]:
    """Slice."""
    options = layer.options("slice")
    axis = options.slice_dim if options.HasField("slice_dim") else options.axis
    return [Split(axis, len(layer.tops), tuple(options.slice_point))]


def crop(layer: Layer) -> list[Operation]:
    """Crop."""
    options = layer.options("crop")
    return [CropLike(options.axis, tuple(options.offset))]


def flatten(layer: Layer) -> list[Operation]:
    """Flatten; version 1 has no options."""
    options = layer.options("flatten") if hasattr(layer.message, "flatten_param") else None
    return [Flatten(options.axis, options.end_axis) if options else Flatten()]


def reshape(layer: Layer) -> list[Operation]:
    """Reshape."""
    options = layer.options("reshape")
    return [Reshape(tuple(options.shape.dim), options.axis, options.num_axes)]


def permute(layer: Layer) -> list[Operation]:
    """Permute, of the fork of Caffe for SSD."""
    return [Transpose(tuple(layer.options("permute").order))]


def tile(layer: Layer) -> list[Operation]:
    """Tile."""
    options = layer.options("tile")
    return [Tile(options.axis, options.tiles)]


def reduction(layer: Layer) -> list[Operation]:
    """Reduction."""
    options = layer.options("reduction")
    kind = ("sum", "absolute sum", "sum of squares", "mean")[options.operation - 1]
    return [Reduction(kind, options.axis, number(options.coeff))]  # type: ignore[arg-type]


def argmax(layer: Layer) -> list[Operation]:
    """ArgMax."""
    options = layer.options("argmax")
    axis = options.axis if options.HasField("axis") else None
    return [ArgMax(axis, options.top_k, options.out_max_val)]
