"""Caffe's layers with weights, as operations."""

import math

import numpy as np

from kerasbridge.importers.caffe.ops.base import (
    blobs,
    check_weights,
    number,
    pair,
    with_bias,
    within,
)
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops import (
    Affine,
    Array,
    BatchNormalization,
    Broadcast,
    Convolution,
    Deconvolution,
    Dense,
    Embedding,
    Operation,
    PRelu,
)
from kerasbridge.importers.ir.unsupported import Unsupported


def convolution(layer: Layer) -> list[Operation]:
    """Convolution: weights (out, in / group, height, width), not flipped."""
    weight, bias, options = _kernel(layer)
    groups = layer.options("convolution").group
    _check_filters(layer, weight.shape[0], groups)
    check_weights(bias is None or bias.size == weight.shape[0], f"expected {weight.shape[0]} biases")
    return [Convolution(weight, bias, padding=options.pop("pad"), groups=groups, **options)]  # type: ignore[arg-type]


def deconvolution(layer: Layer) -> list[Operation]:
    """Deconvolution: weights (in, out / group, height, width), and the padding is cut off."""
    weight, bias, options = _kernel(layer)
    groups = layer.options("convolution").group
    filters = weight.shape[1] * groups
    _check_filters(layer, filters, groups)
    check_weights(bias is None or bias.size == filters, f"expected {filters} biases")
    return [Deconvolution(weight, bias, cropping=options.pop("pad"), groups=groups, **options)]  # type: ignore[arg-type]


def _kernel(layer: Layer) -> tuple[Array, Array | None, dict[str, tuple[int, ...]]]:
    options = layer.options("convolution")
    if options.axis != 1:
        raise Unsupported(f"has channels in axis {options.axis}")
    down, right = within(pair(options, "pad", 0), "padding", 0)
    kernel = within(pair(options, "kernel_size", 0, "kernel"), "kernel size")
    stride = within(pair(options, "stride", 1), "stride")
    dilation = within(pair(options, "dilation", 1), "dilation")
    if options.group < 1:
        raise Unsupported("has a group of 0")
    weight, bias = with_bias(layer, options.bias_term)
    check_weights(
        weight.ndim == 4 and weight.shape[2:] == kernel, f"expected kernels of {kernel}, received {weight.shape}"
    )
    return weight, bias, {"stride": stride, "dilation": dilation, "pad": (down, down, right, right)}


def _check_filters(layer: Layer, found: int, groups: int) -> None:
    expected = layer.options("convolution").num_output
    fits = found == expected and found % groups == 0
    check_weights(fits, f"expected {expected} filters in {groups} groups, received {found}")


def inner_product(layer: Layer) -> list[Operation]:
    """InnerProduct: weights (out, in), or (in, out) with `transpose`; in old files (1, 1, out, in)."""
    options = layer.options("inner_product")
    weight, bias = with_bias(layer, options.bias_term)
    check_weights(
        weight.size and weight.size == math.prod(weight.shape[-2:]), f"expected a matrix, received {weight.shape}"
    )
    matrix = weight.reshape(weight.shape[-2:]) if weight.ndim >= 2 else weight.reshape(options.num_output, -1)
    matrix = matrix.T if options.transpose else matrix
    check_weights(len(matrix) == options.num_output, f"expected {options.num_output} outputs, received {len(matrix)}")
    check_weights(bias is None or bias.size == len(matrix), f"expected {len(matrix)} biases")
    return [Dense(matrix, bias, options.axis)]


def batch_norm(layer: Layer) -> list[Operation]:
    """BatchNorm: mean and variance are sums, to be divided by the third blob, and 0 where that is 0."""
    options = layer.options("batch_norm")
    mean, variance, total = blobs(layer, 3, 5)[:3]
    assert mean is not None and variance is not None and total is not None  # noqa: PT018
    check_weights(total.size == 1 and mean.size == variance.size, "expected means, as many variances, and one number")
    factor = 0.0 if total.ravel()[0] == 0 else 1 / np.float32(total.ravel()[0])
    momentum = number(options.moving_average_fraction)
    mean, variance = ((sums.ravel() * factor).astype(np.float32) for sums in (mean, variance))
    return [BatchNormalization(mean, variance, epsilon=number(options.eps), momentum=momentum)]


def scale(layer: Layer) -> list[Operation]:
    """Scale: by weights that span axes, with a bias or not; or by the second of two blobs."""
    options = layer.options("scale")
    if len(layer.bottoms) == 2:
        product: list[Operation] = [Broadcast("product", options.axis)]
        if not options.bias_term:
            return product
        (bias,) = blobs(layer, 1, 1)
        return [*product, Affine(None, bias, options.axis)]
    gamma, beta = blobs(layer, 1 + options.bias_term, 2)
    return [Affine(gamma, beta if options.bias_term else None, options.axis)]


def bias(layer: Layer) -> list[Operation]:
    """Bias: weights that span axes; or the second of two blobs."""
    axis = layer.options("bias").axis
    if len(layer.bottoms) == 2:
        return [Broadcast("sum", axis)]
    (beta,) = blobs(layer, 1, 1)
    return [Affine(None, beta, axis)]


def prelu(layer: Layer) -> list[Operation]:
    """PReLU: a slope for each channel, or one for all."""
    (slope,) = blobs(layer, 1, 1)
    assert slope is not None
    shared = layer.options("prelu").channel_shared
    check_weights(not shared or slope.size == 1, f"expected one slope for all channels, received {slope.size}")
    return [PRelu(slope.reshape(()) if shared else slope.ravel())]


def embed(layer: Layer) -> list[Operation]:
    """Embed: a row of weights (input_dim, num_output) for each whole number."""
    options = layer.options("embed")
    weight, bias = with_bias(layer, options.bias_term)
    expected = (options.input_dim, options.num_output)
    check_weights(
        weight.shape[-2:] == expected and weight.size == math.prod(expected), f"expected the shape {expected}"
    )
    check_weights(bias is None or bias.size == options.num_output, f"expected {options.num_output} biases")
    return [Embedding(weight.reshape(expected), bias)]
