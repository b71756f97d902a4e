"""Scale."""

from kerasbridge.importers.caffe.ops.base import blobs, converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.broadcast import Broadcast


@converts("Scale")
def scale(layer: Layer) -> list[Operation]:
    """Convert Scale, with factors and an optional bias from the weights, or with factors from a second blob."""
    options = layer.options("scale")
    if len(layer.bottoms) == 2:
        product: list[Operation] = [Broadcast("product", options.axis)]
        if not options.bias_term:
            return product
        (bias,) = blobs(layer, 1, 1)
        return [*product, Affine(None, bias, options.axis)]
    gamma, beta = blobs(layer, 1 + options.bias_term, 2)
    return [Affine(gamma, beta if options.bias_term else None, options.axis)]
