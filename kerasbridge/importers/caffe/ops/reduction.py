"""Reduction."""

from kerasbridge.importers.caffe.ops.base import converts, number
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.reduction import Reduction


@converts("Reduction")
def reduction(layer: Layer) -> list[Operation]:
    """Convert Reduction."""
    options = layer.options("reduction")
    kind = ("sum", "absolute sum", "sum of squares", "mean")[options.operation - 1]
    return [Reduction(kind, options.axis, number(options.coeff))]  # type: ignore[arg-type]
