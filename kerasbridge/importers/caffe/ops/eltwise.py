"""Eltwise."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge
from kerasbridge.importers.ir.options import decimal


@converts("Eltwise")
def eltwise(layer: Layer) -> list[Operation]:
    """Convert Eltwise: a product, a sum with coefficients, or a maximum."""
    options = layer.options("eltwise")
    kind = ("product", "sum", "maximum")[options.operation]
    coefficients = tuple(map(decimal, options.coeff)) if kind == "sum" else ()
    return [ElementwiseMerge(kind, coefficients)]  # type: ignore[arg-type]
