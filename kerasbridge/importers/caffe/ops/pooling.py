"""Pooling."""

from kerasbridge.importers.caffe.ops.base import converts, pair
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.pooling import GlobalPooling, Pooling
from kerasbridge.importers.ir.unsupported import Unsupported


@converts("Pooling")
def pooling(layer: Layer) -> list[Operation]:
    """Convert Pooling: sizes are rounded up unless `round_mode` is FLOOR, and padding counts in averages."""
    options = layer.options("pooling")
    if options.pool not in (0, 1):
        raise Unsupported("has stochastic pooling")
    if len(layer.tops) > 1:
        raise Unsupported("has a second output, the positions of the maxima")
    kind = "average" if options.pool else "max"
    if options.global_pooling:
        return [GlobalPooling(kind)]  # type: ignore[arg-type]
    window = pair(options, "kernel_size", 0, "kernel")
    stride = pair(options, "stride", 1)
    down, right = pair(options, "pad", 0, minimum=0)
    if down >= window[0] or right >= window[1]:
        raise Unsupported("has padding as large as its kernel")
    ceil = options.round_mode == 0
    return [Pooling(kind, window, stride, (down, down, right, right), ceil)]  # type: ignore[arg-type]
