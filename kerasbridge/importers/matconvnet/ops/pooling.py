"""Pooling and global pooling."""

from collections.abc import Sequence
from typing import Literal

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.pooling import GlobalPooling, Pooling
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, pair, sides, str_option
from kerasbridge.importers.matconvnet.parser import Layer


@converts("pool", "dagnn.Pooling")
def pooling(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert pool: sizes are rounded down, and averages do not count padding (`vl_nnpool`)."""
    window = pair(layer, "poolsize" if "poolsize" in layer.options else "pool", 1)
    padding = sides(layer, "pad")
    fits = max(padding[:2]) < window[0] and max(padding[2:]) < window[1]
    check(fits, f"has padding {padding}, as large as its window {window}")
    return [Pooling(_method(layer, "max"), window, pair(layer, "stride", 1), padding, count_padding=False)]


@converts("dagnn.GlobalPooling")
def global_pooling(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.GlobalPooling of mcnExtraLayers."""
    return [GlobalPooling(_method(layer, "avg"))]


def _method(layer: Layer, default: str) -> Literal["max", "average"]:
    method = str_option(layer, "method", default)
    check(method in ("max", "avg"), f"has the method {method!r}")
    return "max" if method == "max" else "average"
