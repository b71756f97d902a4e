"""Reduction."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.reduction import Reduction
from kerasbridge.importers.ir.options import decimal


@converts("Reduction")
def reduction(layer: Layer) -> list[Operation]:
    """Convert Reduction."""
    options = layer.options("reduction")
    kind = ("sum", "absolute sum", "sum of squares", "mean")[options.operation - 1]
    return [Reduction(kind, options.axis, decimal(options.coeff))]  # type: ignore[arg-type]
