"""LRN."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.lrn import LRN
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.ir.unsupported import Unsupported


@converts("LRN")
def lrn(layer: Layer) -> list[Operation]:
    """Convert LRN: alpha is divided by the number of cells in a window; within a channel k is always 1."""
    options = layer.options("lrn")
    size, alpha, beta = options.local_size, decimal(options.alpha), decimal(options.beta)
    if size % 2 == 0:
        raise Unsupported(f"has a local_size of {size}: Caffe accepts only odd ones")
    if options.norm_region == 0:
        return [LRN(size, decimal(options.k), alpha / size, beta)]
    return [LRN(size, 1.0, alpha / size**2, beta, across=False)]
