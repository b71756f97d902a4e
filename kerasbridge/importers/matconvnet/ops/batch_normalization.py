"""Batch normalization."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops.base import Array, Shape
from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import (
    Steps,
    array,
    converts,
    flat_weight,
    number,
    required_weight,
)
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers


@converts("bnorm", "dagnn.BatchNorm")
def batch_normalization(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert bnorm: multipliers, offsets, and moments in two columns, the mean and sqrt(variance + epsilon).

    Inference uses only the moments (`vl_nnbnorm`), which include epsilon. If the square of a deviation is smaller than
    the epsilon of the layer, it becomes the epsilon of the operation.
    """
    gamma = required_weight(layer, 0, "multipliers").ravel(order="F")
    beta = flat_weight(required_weight(layer, 1, "offsets"), gamma.size, "offsets")
    epsilon, momentum = number(layer, "epsilon", 1e-5), _momentum(layer)
    moments = moments_of(layer)
    if moments is None:
        ones = np.ones(gamma.size, np.float32)
        return [BatchNormalization(np.zeros_like(ones), ones, gamma, beta, epsilon, momentum)]
    mean, deviation = flat_weight(moments, 2 * gamma.size, "moments").reshape(2, -1)
    check((deviation > 0).all(), "has a deviation of 0 among its moments, by which MatConvNet divides")
    squared = deviation.astype(np.float64) ** 2
    epsilon = min(epsilon, float(squared.min()))
    return [BatchNormalization(mean, (squared - epsilon).astype(np.float32), gamma, beta, epsilon, momentum)]


def moments_of(layer: Layer) -> Array | None:
    """Return the moments; None if they are missing, or all zero as before training."""
    moments = array(layer.weights[2]) if len(layer.weights) > 2 else None
    return moments if moments is not None and moments.any() else None


def _momentum(layer: Layer) -> float:
    """Return the momentum of the moments: 1 minus the third learning rate of the layer."""
    rates = numbers(layer.options.get("learningrate"))
    rate = float(rates[2]) if rates.size > 2 and 0 < rates[2] < 1 else 0.1
    return decimal(1 - rate)
