"""Max and average pooling, also global, and subsampling."""

import numpy as np

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.pooling import GlobalPooling, Pooling
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_images, takes_planes


@converts("SpatialMaxPooling", "SpatialDilatedMaxPooling", takes=takes_images, keeps_channels=True)
def max_pooling(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialMaxPooling; that of inn rounds up, as in Caffe."""
    if module.integer("dilationW", 1) > 1 or module.integer("dilationH", 1) > 1:
        raise Unsupported("has a dilation")
    window, stride, padding = _options(module)
    return [Pooling("max", window, stride, padding, _ceil_mode(module))]


@converts("SpatialAveragePooling", takes=takes_images, keeps_channels=True)
def average_pooling(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialAveragePooling; that of nn in old files, which have no `divide`, computes sums."""
    window, stride, padding = _options(module)
    count_padding = module.get("count_include_pad") is not False
    average = Pooling("average", window, stride, padding, _ceil_mode(module), count_padding)
    if module.type.startswith("nn.") and not module.get("divide"):
        return [average, ScaleShift(float(window[0] * window[1]))]
    return [average]


@converts("SpatialAdaptiveAveragePooling", "SpatialAdaptiveMaxPooling", takes=takes_images, keeps_channels=True)
def adaptive_pooling(module: Module, info: InputInfo) -> list[Operation]:
    """Convert adaptive pooling to one number for each channel."""
    size = module.integer("H"), module.integer("W")
    if size != (1, 1):
        raise Unsupported(f"has windows that make {size[0]} x {size[1]} of images of any size")
    return [GlobalPooling("average" if "Average" in module.type else "max")]


@converts("SpatialSubSampling", takes=takes_planes)
def subsampling(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialSubSampling: the sum of each window, times a weight for each channel, plus a bias."""
    channels, window = module.channels("nInputPlane"), module.pair("k")
    weight = module.weight("weight", (channels,)) * np.float32(window[0] * window[1])
    return [Pooling("average", window, module.pair("d", 1)), Affine(weight, module.bias(channels))]


def _options(module: Module) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]:
    """Return window, stride and padding."""
    window, (down, right) = module.pair("k"), module.pair("pad", 0, least=0)
    stride = module.integer("dH", window[0]), module.integer("dW", window[1])
    if 2 * down > window[0] or 2 * right > window[1]:
        raise Unsupported("has padding of more than half its window")
    return window, stride, (down, down, right, right)


def _ceil_mode(module: Module) -> bool:
    return bool(module.get("ceil_mode", module.type.startswith("inn.")))
