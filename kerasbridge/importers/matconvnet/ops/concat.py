"""Concatenation."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.concatenate import Concatenate
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import MATLAB_AXES, Steps, converts, integers
from kerasbridge.importers.matconvnet.parser import Layer


@converts("dagnn.Concat")
def concat(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Concat, along the channels unless `dim` is set."""
    (dim,) = integers(layer, "dim", 3, minimum=1)[:1]
    check(dim < 4, f"joins along axis {dim}, which is that of the batch")
    return [Concatenate(MATLAB_AXES[dim - 1])]
