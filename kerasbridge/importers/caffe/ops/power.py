"""Power."""

from kerasbridge.importers.caffe.ops.base import converts, scale_shift
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.ir.options import decimal


@converts("Power")
def power(layer: Layer) -> list[Operation]:
    """Convert Power: ``(shift + scale * x) ** power``."""
    options = layer.options("power")
    exponent = decimal(options.power)
    return scale_shift(options.scale, options.shift) + ([] if exponent == 1 else [Power(exponent)])
