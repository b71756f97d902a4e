"""BatchNorm."""

import numpy as np

from kerasbridge.importers.caffe.ops.base import blobs, check_weights, converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization
from kerasbridge.importers.ir.options import decimal


@converts("BatchNorm")
def batch_norm(layer: Layer) -> list[Operation]:
    """Convert BatchNorm: mean and variance are divided by the third blob, and are 0 if that is 0."""
    options = layer.options("batch_norm")
    mean, variance, total = blobs(layer, 3, 5)[:3]
    assert mean is not None and variance is not None and total is not None  # noqa: PT018
    check_weights(total.size == 1 and mean.size == variance.size, "expected means, as many variances, and one number")
    factor = 0.0 if total.ravel()[0] == 0 else 1 / np.float32(total.ravel()[0])
    momentum = decimal(options.moving_average_fraction)
    mean, variance = ((sums.ravel() * factor).astype(np.float32) for sums in (mean, variance))
    return [BatchNormalization(mean, variance, epsilon=decimal(options.eps), momentum=momentum)]
