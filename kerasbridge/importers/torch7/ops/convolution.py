"""SpatialConvolution and its variants."""

import numpy as np

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import MAX_CHANNELS, Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_planes


@converts("SpatialConvolution", "SpatialConvolutionMM", "SpatialDilatedConvolution", takes=takes_planes)
def convolution(module: Module, info: InputInfo) -> list[Operation]:
    """Convert a convolution: weights (out, in / groups, kH, kW), not flipped."""
    filters, channels = module.channels("nOutputPlane"), module.channels("nInputPlane")
    groups, kernel = module.integer("groups", 1, most=MAX_CHANNELS), module.pair("k")
    if channels % groups or filters % groups:
        raise Unsupported(f"has {groups} groups of {channels} channels")
    down, right = _padding(module)
    return [
        Convolution(
            module.weight("weight", (filters, channels // groups, *kernel)),
            module.bias(filters),
            stride=module.pair("d", 1),
            padding=(down, down, right, right),
            dilation=(module.integer("dilationH", 1), module.integer("dilationW", 1)),
            groups=groups,
        )
    ]


def _padding(module: Module) -> tuple[int, int]:
    """Return the padding of height and width; old files have one number for both."""
    if module.get("padding") is not None:
        return (module.integer("padding", least=0),) * 2
    return module.pair("pad", 0, least=0)


@converts("SpatialConvolutionMap", takes=takes_planes)
def mapped_convolution(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialConvolutionMap: a kernel for each pair of channels in a table; all others are 0."""
    filters, channels = module.channels("nOutputPlane"), module.channels("nInputPlane")
    table = module.weight("connTable")
    pairs = table.reshape(-1, 2).astype(int) - 1 if table.ndim == 2 else np.full((1, 2), -1)
    kernels = module.weight("weight", (len(pairs), *module.pair("k")))
    cells = kernels.shape[1] * kernels.shape[2]
    if (pairs < 0).any() or (pairs >= (channels, filters)).any() or filters * channels * cells > MAX_CHANNELS:
        raise Unsupported("has a connTable of channels that it has not")
    weight = np.zeros((filters, channels, *kernels.shape[1:]), np.float32)
    np.add.at(weight, (pairs[:, 1], pairs[:, 0]), kernels)
    return [Convolution(weight, module.bias(filters), stride=module.pair("d", 1))]
