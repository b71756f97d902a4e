"""Permutations of axes."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.transpose import Transpose
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import MATLAB_AXES, Steps, converts, integers
from kerasbridge.importers.matconvnet.parser import Layer


@converts("dagnn.Permute")
def permute(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Permute of mcnExtraLayers, whose order refers to the MATLAB axes."""
    order = integers(layer, "order", 0, minimum=1)
    axes = [*order, 4][:4]
    check(sorted(axes[:3]) == [1, 2, 3] and len(order) in (3, 4) and axes[3] == 4, f"has the order {order}")
    return [Transpose(tuple(MATLAB_AXES[axes[MATLAB_AXES.index(axis)] - 1] for axis in range(4)))]
