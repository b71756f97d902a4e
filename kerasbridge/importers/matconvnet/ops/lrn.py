"""Normalization across channels."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.lrn import LRN
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, parameters
from kerasbridge.importers.matconvnet.parser import Layer


@converts("lrn", "normalize", "dagnn.LRN")
def lrn(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert lrn, formerly normalize: alpha is not divided by the size of the window (`vl_nnnormalize`)."""
    size, kappa, alpha, beta = parameters(layer, [5, 1, 0.0001 / 5, 0.75])
    check(size >= 1 and size == int(size), f"has a window of {size:g} channels")
    return [LRN(int(size), decimal(kappa), decimal(alpha), decimal(beta))]
