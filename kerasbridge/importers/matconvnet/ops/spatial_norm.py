"""Normalization by squares in a window."""

from collections.abc import Sequence

from kerasbridge.importers.ir.builder import WithLayerInput
from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge
from kerasbridge.importers.ir.ops.pooling import Pooling
from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, parameters
from kerasbridge.importers.matconvnet.parser import Layer


@converts("spnorm", "dagnn.SpatialNorm")
def spatial_norm(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert spnorm: ``x * (1 + alpha * mean of squares in a window) ** -beta`` (`vl_nnspnorm`)."""
    height, width, alpha, beta = parameters(layer, [2, 2, 10, 2])
    window = (int(height), int(width))
    check(min(window) >= 1 and window == (height, width), f"has a window of {height:g} by {width:g}")
    (top, left), (bottom, right) = ((size - 1) // 2 for size in window), (size // 2 for size in window)
    mean = Pooling("average", window, padding=(top, bottom, left, right), count_padding=False)
    factor = [ScaleShift(decimal(alpha), 1.0), Power(-decimal(beta))]
    return [WithLayerInput(ElementwiseMerge("product")), mean, *factor, WithLayerInput(ElementwiseMerge("product"))]
