"""MatConvNet's layers that have no weights, as operations; and some of mcnExtraLayers, which imported nets need."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from kerasbridge.importers.ir.builder import WithLayerInput
from kerasbridge.importers.ir.ops import (
    LRN,
    Activation,
    Concatenate,
    CropLike,
    Dropout,
    ElementwiseMerge,
    GlobalPooling,
    Pooling,
    Power,
    Reshape,
    ScaleShift,
    Shape,
    Softmax,
    Transpose,
)
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import (
    Steps,
    integers,
    number,
    pair,
    rounded,
    sides,
    word,
)
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers

_TURNED = Transpose((0, 1, 3, 2))
"""MATLAB counts rows first, then columns, then channels: what is flattened runs through N, C, W, H."""

_PLACES = (2, 3, 1, 0)
"""Where MATLAB's axes lie in N, C, H, W."""


def pooling(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """pool: sizes are rounded down, and averages are those of the cells within the image (`vl_nnpool`)."""
    window = pair(layer, "poolsize" if "poolsize" in layer.options else "pool", 1)
    padding = sides(layer, "pad")
    inside = max(padding[:2]) < window[0] and max(padding[2:]) < window[1]
    check(inside, f"has padding {padding}, as large as its window {window}")
    return [Pooling(_method(layer, "max"), window, pair(layer, "stride", 1), padding, count_padding=False)]


def global_pooling(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.GlobalPooling of mcnExtraLayers."""
    return [GlobalPooling(_method(layer, "avg"))]


def _method(layer: Layer, default: str) -> Literal["max", "average"]:
    method = word(layer, "method", default)
    check(method in ("max", "avg"), f"has the method {method!r}")
    return "max" if method == "max" else "average"


def relu(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """relu, with a slope for what is below 0 where `leak` says so."""
    return [Activation("relu", number(layer, "leak", 0))]


def sigmoid(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """sigmoid."""
    return [Activation("sigmoid")]


def softmax(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """softmax, along the channels."""
    return [Softmax()]


def dropout(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dropout."""
    rate = number(layer, "rate", 0.5)
    check(0 <= rate < 1, f"has a rate of {rate:g}")
    return [Dropout(rate)]


def lrn(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """lrn, which was called normalize: alpha is not divided by the size of the window (`vl_nnnormalize`)."""
    size, kappa, alpha, beta = _parameters(layer, [5, 1, 0.0001 / 5, 0.75])
    check(size >= 1 and size == int(size), f"has a window of {size:g} channels")
    return [LRN(int(size), rounded(kappa), rounded(alpha), rounded(beta))]


def spatial_norm(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """spnorm: ``x * (1 + alpha * mean of squares in a window) ** -beta`` (`vl_nnspnorm`)."""
    height, width, alpha, beta = _parameters(layer, [2, 2, 10, 2])
    window = (int(height), int(width))
    check(min(window) >= 1 and window == (height, width), f"has a window of {height:g} by {width:g}")
    (top, left), (bottom, right) = ((size - 1) // 2 for size in window), (size // 2 for size in window)
    mean = Pooling("average", window, padding=(top, bottom, left, right), count_padding=False)
    factor = [ScaleShift(rounded(alpha), 1.0), Power(-rounded(beta))]
    return [WithLayerInput(ElementwiseMerge("product")), mean, *factor, WithLayerInput(ElementwiseMerge("product"))]


def _parameters(layer: Layer, default: list[float]) -> list[float]:
    values = numbers(layer.options.get("param")).tolist() or default
    check(len(values) == 4 and all(map(math.isfinite, values)), f"has the parameters {values[:8]}")
    return values


def total(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Sum."""
    return [ElementwiseMerge("sum")]


def largest(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Max of mcnExtraLayers."""
    return [ElementwiseMerge("maximum")]


def concat(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Concat, of channels unless `dim` says otherwise."""
    (dim,) = integers(layer, "dim", 3, least=1)[:1]
    check(dim < 4, f"joins along axis {dim}, which is that of the batch")
    return [Concatenate(_PLACES[dim - 1])]


def crop(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Crop: to the height and width of the second input, from an offset that is less where room is not."""
    offsets = integers(layer, "crop", 0)
    check(len(offsets) <= 2 and len(layer.inputs) == 2, f"has {len(offsets)} offsets and {len(layer.inputs)} inputs")
    return [CropLike(2, (offsets[0], offsets[-1]), clamped=True)]


def flatten(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Flatten of mcnExtraLayers: an image along one axis, the channels unless `axis` says otherwise."""
    (axis,) = integers(layer, "axis", 3, least=1)[:1]
    check(axis < 4, f"flattens along axis {axis}")
    sizes = [-1 if place == _PLACES[axis - 1] else 1 for place in range(1, 4)]
    return [_TURNED, Reshape((0, *sizes))]


def reshape(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Reshape of mcnExtraLayers: other sizes of height, width and channels; one may be left open."""
    said = layer.options.get("shape")
    sizes = [numbers(one) for one in said] if isinstance(said, list) else [*numbers(said)]
    whole = [int(np.ravel(one)[0]) if np.size(one) else -1 for one in sizes]
    height, width, channels = (*whole, -1)[:3] if len(whole) > 1 else (0, 0, 0)
    check(2 <= len(whole) <= 3 and min(whole) >= -1, f"has the shape {whole}")
    return [_TURNED, Reshape((0, channels, width, height)), _TURNED]


def permute(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """dagnn.Permute of mcnExtraLayers: MATLAB's axes in another order."""
    order = integers(layer, "order", 0, least=1)
    whole = [*order, 4][:4]
    check(sorted(whole[:3]) == [1, 2, 3] and len(order) in (3, 4) and whole[3] == 4, f"has the order {order}")
    return [Transpose(tuple(_PLACES[whole[_PLACES.index(place)] - 1] for place in range(4)))]
