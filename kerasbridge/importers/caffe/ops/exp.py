"""Exp."""

from kerasbridge.importers.caffe.ops.base import converts, log_of_base, scale_shift
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation


@converts("Exp")
def exp(layer: Layer) -> list[Operation]:
    """Convert Exp: ``base ** (shift + scale * x)``; a base of -1 is e."""
    options = layer.options("exp")
    factor = log_of_base(options.base)
    return [*scale_shift(factor * options.scale, factor * options.shift), Activation("exponential")]
