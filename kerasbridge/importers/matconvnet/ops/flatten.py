"""Flattening."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.reshape import Reshape
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import MATLAB_AXES, TO_MATLAB, Steps, converts, integers
from kerasbridge.importers.matconvnet.parser import Layer


@converts("dagnn.Flatten")
def flatten(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Flatten of mcnExtraLayers, which flattens an image along the channels unless `axis` is set."""
    (axis,) = integers(layer, "axis", 3, minimum=1)[:1]
    check(axis < 4, f"flattens along axis {axis}")
    sizes = [-1 if other == MATLAB_AXES[axis - 1] else 1 for other in range(1, 4)]
    return [TO_MATLAB, Reshape((0, *sizes))]
