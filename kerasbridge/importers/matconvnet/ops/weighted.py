"""MatConvNet's layers with weights, as operations."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops import (
    Affine,
    Array,
    BatchNormalization,
    Broadcast,
    Convolution,
    Deconvolution,
    Shape,
)
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import (
    Steps,
    array,
    integers,
    needed,
    number,
    pair,
    rounded,
    sides,
    whole,
)
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers


def convolution(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """conv: filters (height, width, in / groups, out), not flipped; channels tell the groups (`vl_nnconv`)."""
    weight = whole(needed(layer, 0, "filters")).transpose(3, 2, 0, 1)
    bias = _bias(layer, len(weight))
    groups = _groups(shapes[0][1], *weight.shape[:2])
    dilation = pair(layer, "dilate", 1)
    return [Convolution(weight, bias, pair(layer, "stride", 1), sides(layer, "pad"), dilation, groups)]


def _groups(channels: int | None, filters: int, depth: int) -> int:
    """How many there are; 1 where the filters cannot be shared out, which is found when shapes are held together."""
    groups, left = divmod(channels or depth, depth)
    return groups if groups and not left and filters % groups == 0 else 1


def deconvolution(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """convt: filters (height, width, out / groups, in), and the result is cropped (`vl_nnconvt`)."""
    weight = whole(needed(layer, 0, "filters")).transpose(3, 2, 0, 1)
    (groups,) = integers(layer, "numgroups", 1, least=1)[:1]
    bias = _bias(layer, weight.shape[1] * groups)
    stride = pair(layer, "upsample", 1)
    return [Deconvolution(weight, bias, stride, sides(layer, "crop"), groups=groups)]


def _bias(layer: Layer, filters: int) -> Array | None:
    """One number for each filter, in an array of any shape; a layer may say that it has none."""
    check(len(layer.weights) <= 2, f"has {len(layer.weights)} arrays of weights, where filters and biases are two")
    if not numbers(layer.options.get("hasbias", np.ones(1))).any():
        return None
    if numbers(layer.options.get("hasbias")).any():
        return _sized(needed(layer, 1, "biases"), filters, "biases")
    bias = array(layer.weights[1]) if len(layer.weights) > 1 else None
    return None if bias is None else _sized(bias, filters, "biases")


def _sized(weight: Array, size: int, what: str) -> Array:
    check(weight.size == size, f"has {weight.size} {what}, where {size} are expected")
    return weight.ravel(order="F")


def batch_normalization(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """bnorm: multipliers, offsets, and moments of two columns, the mean and the root of variance and epsilon.

    The moments are all that counts (`vl_nnbnorm`), and epsilon is in them; where some channel's is smaller than the
    layer's epsilon, so is that of the operation.
    """
    gamma = needed(layer, 0, "multipliers").ravel(order="F")
    beta = _sized(needed(layer, 1, "offsets"), gamma.size, "offsets")
    epsilon, momentum = number(layer, "epsilon", 1e-5), _momentum(layer)
    moments = moments_of(layer)
    if moments is None:
        ones = np.ones(gamma.size, np.float32)
        return [BatchNormalization(np.zeros_like(ones), ones, gamma, beta, epsilon, momentum)]
    mean, deviation = _sized(moments, 2 * gamma.size, "moments").reshape(2, -1)
    check((deviation > 0).all(), "has a deviation of 0 among its moments, by which MatConvNet divides")
    squared = deviation.astype(np.float64) ** 2
    epsilon = min(epsilon, float(squared.min()))
    return [BatchNormalization(mean, (squared - epsilon).astype(np.float32), gamma, beta, epsilon, momentum)]


def moments_of(layer: Layer) -> Array | None:
    """The moments; None where there are none, or only the zeros that stand there before a training."""
    moments = array(layer.weights[2]) if len(layer.weights) > 2 else None
    return moments if moments is not None and moments.any() else None


def _momentum(layer: Layer) -> float:
    """How much of the old moments a step keeps; the layer's third learning rate is what it takes of the new."""
    rates = numbers(layer.options.get("learningrate"))
    taken = float(rates[2]) if rates.size > 2 and 0 < rates[2] < 1 else 0.1
    return rounded(1 - taken)


def scale(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Scale: by weights for the channels or a whole image, or by the second of two inputs; and an offset."""
    has_bias = bool(numbers(layer.options.get("hasbias", np.ones(1))).any())
    check(len(layer.inputs) <= 2, f"has {len(layer.inputs)} inputs, where one or two are expected")
    own = 2 - len(layer.inputs)
    weights = [_spanning(layer, place, shapes[0][1]) for place in range(own + has_bias)]
    if len(layer.inputs) == 2:
        return [Broadcast("product", 0), *(Affine(None, weight) for weight in weights)]
    shape = np.broadcast_shapes(*(weight.shape for weight in weights))
    factor, *offsets = (np.broadcast_to(weight, shape) for weight in weights)
    return [Affine(factor, next(iter(offsets), None))]


def _spanning(layer: Layer, place: int, channels: int | None) -> Array:
    """Weights (height, width, channels) as they lie along the axes from the channels on."""
    weight = whole(needed(layer, place, "factors or offsets"))
    height, width, depth, batch = weight.shape
    check(batch == 1 and (height == width == 1 or 1 not in (height, width)), f"has weights of shape {weight.shape}")
    spanning = weight[..., 0].transpose(2, 0, 1)
    if depth == 1 and channels:
        spanning = np.repeat(spanning, channels, axis=0)
    return spanning[:, 0, 0] if height == width == 1 else spanning
