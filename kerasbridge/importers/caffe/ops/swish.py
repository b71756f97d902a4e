"""Swish."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.unsupported import Unsupported


@converts("Swish")
def swish(layer: Layer) -> list[Operation]:
    """Convert Swish: ``x * sigmoid(beta * x)``; in Keras beta is 1."""
    if layer.options("swish").beta != 1:
        raise Unsupported(f"has a beta of {layer.options('swish').beta:g}")
    return [Activation("swish")]
