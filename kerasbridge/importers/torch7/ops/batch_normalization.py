"""BatchNormalization and SpatialBatchNormalization."""

import numpy as np

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("BatchNormalization", takes=lambda module: (None, module.size("running_mean", 0)))
@converts("SpatialBatchNormalization", takes=lambda module: (None, module.size("running_mean", 0), None, None))
def batch_normalization(module: Module, info: InputInfo) -> list[Operation]:
    """Convert batch normalization; old files store ``1 / sqrt(variance + eps)`` as running_std."""
    epsilon, mean = module.number("eps", 1e-5), module.weight("running_mean")
    variance = module.optional_weight("running_var", mean.shape)
    if variance is None:
        variance = (module.weight("running_std", mean.shape).astype(float) ** -2 - epsilon).astype(np.float32)
    weight, bias = module.optional_weight("weight", mean.shape), module.optional_weight("bias", mean.shape)
    momentum = 1 - min(max(module.number("momentum", 0.1), 0.0), 1.0)
    return [BatchNormalization(mean.ravel(), variance.ravel(), weight, bias, epsilon, momentum)]
