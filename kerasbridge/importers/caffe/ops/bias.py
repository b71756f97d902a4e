"""Bias."""

from kerasbridge.importers.caffe.ops.base import blobs, converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.broadcast import Broadcast


@converts("Bias")
def bias(layer: Layer) -> list[Operation]:
    """Convert Bias, with a bias from the weights or from a second blob."""
    axis = layer.options("bias").axis
    if len(layer.bottoms) == 2:
        return [Broadcast("sum", axis)]
    (beta,) = blobs(layer, 1, 1)
    return [Affine(None, beta, axis)]
