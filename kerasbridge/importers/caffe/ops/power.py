"""Power."""

from kerasbridge.importers.caffe.ops.base import converts, number, scale_shift
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.power import Power


@converts("Power")
def power(layer: Layer) -> list[Operation]:
    """Convert Power: ``(shift + scale * x) ** power``."""
    options = layer.options("power")
    exponent = number(options.power)
    return scale_shift(options.scale, options.shift) + ([] if exponent == 1 else [Power(exponent)])
