"""Convolution and transposed convolution."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops.base import Array, Shape
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.ops.deconvolution import Deconvolution
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import (
    Steps,
    array,
    converts,
    flat_weight,
    integers,
    pair,
    required_weight,
    sides,
    to_4d,
)
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers


@converts("conv", "dagnn.Conv")
def convolution(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert conv: filters (height, width, in / groups, out), not flipped; channels give the groups (`vl_nnconv`)."""
    weight = to_4d(required_weight(layer, 0, "filters")).transpose(3, 2, 0, 1)
    bias = _bias(layer, len(weight))
    groups = _groups(shapes[0][1], *weight.shape[:2])
    dilation = pair(layer, "dilate", 1)
    return [Convolution(weight, bias, pair(layer, "stride", 1), sides(layer, "pad"), dilation, groups)]


def _groups(channels: int | None, filters: int, depth: int) -> int:
    """Return the number of groups; 1 if the channels do not fit, which raises later when shapes are checked."""
    groups, remainder = divmod(channels or depth, depth)
    return groups if groups and not remainder and filters % groups == 0 else 1


@converts("convt", "dagnn.ConvTranspose")
def deconvolution(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert convt: filters (height, width, out / groups, in); the result is cropped (`vl_nnconvt`)."""
    weight = to_4d(required_weight(layer, 0, "filters")).transpose(3, 2, 0, 1)
    (groups,) = integers(layer, "numgroups", 1, minimum=1)[:1]
    bias = _bias(layer, weight.shape[1] * groups)
    stride = pair(layer, "upsample", 1)
    return [Deconvolution(weight, bias, stride, sides(layer, "crop"), groups=groups)]


def _bias(layer: Layer, filters: int) -> Array | None:
    """Return the bias, one number for each filter; None for a layer without a bias."""
    check(len(layer.weights) <= 2, f"has {len(layer.weights)} arrays of weights, where at most two are expected")
    if not numbers(layer.options.get("hasbias", np.ones(1))).any():
        return None
    if numbers(layer.options.get("hasbias")).any():
        return flat_weight(required_weight(layer, 1, "biases"), filters, "biases")
    bias = array(layer.weights[1]) if len(layer.weights) > 1 else None
    return None if bias is None else flat_weight(bias, filters, "biases")
