"""PReLU."""

from kerasbridge.importers.caffe.ops.base import blobs, check_weights, converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.prelu import PRelu


@converts("PReLU")
def prelu(layer: Layer) -> list[Operation]:
    """Convert PReLU, with a slope for each channel or one for all."""
    (slope,) = blobs(layer, 1, 1)
    assert slope is not None
    shared = layer.options("prelu").channel_shared
    check_weights(not shared or slope.size == 1, f"expected one slope for all channels, received {slope.size}")
    return [PRelu(slope.reshape(()) if shared else slope.ravel())]
