"""Scaling by weights or by a second input."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Array, Shape
from kerasbridge.importers.ir.ops.broadcast import Broadcast
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, needed, whole
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers


@converts("dagnn.Scale")
def scale(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Scale: factors per channel or per pixel, or the second input as factor, and an optional bias."""
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
    """Return weights (height, width, channels) in the order C, H, W, or C alone if they have one row and column."""
    weight = whole(needed(layer, place, "factors or offsets"))
    height, width, depth, batch = weight.shape
    check(batch == 1 and (height == width == 1 or 1 not in (height, width)), f"has weights of shape {weight.shape}")
    spanning = weight[..., 0].transpose(2, 0, 1)
    if depth == 1 and channels:
        spanning = np.repeat(spanning, channels, axis=0)
    return spanning[:, 0, 0] if height == width == 1 else spanning
