"""InstanceNormalization."""

import numpy as np

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.instance_normalization import InstanceNormalization
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("InstanceNormalization", takes=lambda module: (None, module.size("weight", 0), None, None))
def instance_normalization(module: Module, info: InputInfo) -> list[Operation]:
    """Convert InstanceNormalization of texture_nets and fast-neural-style."""
    channels = module.channels("nOutput")
    weight, bias = module.optional_weight("weight", (channels,)), module.bias(channels)
    weight = np.ones(channels, np.float32) if weight is None else weight
    bias = np.zeros(channels, np.float32) if bias is None else bias
    return [InstanceNormalization(weight, bias, module.number("eps", 1e-5))]
