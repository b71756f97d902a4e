"""SpatialFullConvolution."""

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.deconvolution import Deconvolution
from kerasbridge.importers.ir.ops.padding import Padding
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_planes


@converts("SpatialFullConvolution", takes=takes_planes)
def deconvolution(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialFullConvolution: weights (in, out, kH, kW); `adjH` and `adjW` add rows and columns at the end."""
    filters, channels = module.channels("nOutputPlane"), module.channels("nInputPlane")
    weight = module.weight("weight", (channels, filters, *module.pair("k")))
    (down, right), (rows, columns) = module.pair("pad", 0, least=0), module.pair("adj", 0, least=0)
    cropping = (down, max(down - rows, 0), right, max(right - columns, 0))
    padding = (0, max(rows - down, 0), 0, max(columns - right, 0))
    stride, bias = module.pair("d", 1), module.bias(filters)
    if not any(padding):
        return [Deconvolution(weight, bias, stride, cropping)]
    shift: list[Operation] = [] if bias is None else [Affine(None, bias)]
    return [Deconvolution(weight, None, stride, cropping), Padding(padding), *shift]
