"""Scaling by weights or by a second input."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Array, Shape
from kerasbridge.importers.ir.ops.broadcast import Broadcast
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, required_weight, to_4d
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers


@converts("dagnn.Scale")
def scale(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Scale: factors per channel or per pixel, or the second input as factor, and an optional bias."""
    has_bias = bool(numbers(layer.options.get("hasbias", np.ones(1))).any())
    check(len(layer.inputs) <= 2, f"has {len(layer.inputs)} inputs, where one or two are expected")
    has_factor = 2 - len(layer.inputs)
    weights = [_broadcastable(layer, number, shapes[0][1]) for number in range(has_factor + has_bias)]
    if len(layer.inputs) == 2:
        return [Broadcast("product", 0), *(Affine(None, weight) for weight in weights)]
    shape = np.broadcast_shapes(*(weight.shape for weight in weights))
    factor, *offsets = (np.broadcast_to(weight, shape) for weight in weights)
    return [Affine(factor, next(iter(offsets), None))]


def _broadcastable(layer: Layer, number: int, channels: int | None) -> Array:
    """Return weights (height, width, channels) in the order C, H, W, or C alone if they have one row and column."""
    weight = to_4d(required_weight(layer, number, "factors or offsets"))
    height, width, depth, batch = weight.shape
    check(batch == 1 and (height == width == 1 or 1 not in (height, width)), f"has weights of shape {weight.shape}")
    by_channel = weight[..., 0].transpose(2, 0, 1)
    if depth == 1 and channels:
        by_channel = np.repeat(by_channel, channels, axis=0)
    return by_channel[:, 0, 0] if height == width == 1 else by_channel
