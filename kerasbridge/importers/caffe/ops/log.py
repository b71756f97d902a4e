"""Log."""

from kerasbridge.importers.caffe.ops.base import converts, log_of_base, scale_shift
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.unsupported import Unsupported


@converts("Log")
def log(layer: Layer) -> list[Operation]:
    """Convert Log: the logarithm of ``shift + scale * x`` to a base; -1 is e."""
    options = layer.options("log")
    factor = log_of_base(options.base)
    if factor == 0:
        raise Unsupported("has a base of 1")
    return [*scale_shift(options.scale, options.shift), Activation("logarithm"), *scale_shift(1 / factor, 0)]
