"""SpatialSubSampling."""

import numpy as np

from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.pooling import Pooling
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_planes


@converts("SpatialSubSampling", takes=takes_planes)
def subsampling(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialSubSampling: the sum of each window, times a weight for each channel, plus a bias."""
    channels, window = module.channels("nInputPlane"), module.pair("k")
    weight = module.weight("weight", (channels,)) * np.float32(window[0] * window[1])
    return [Pooling("average", window, module.pair("d", 1)), Affine(weight, module.bias(channels))]
