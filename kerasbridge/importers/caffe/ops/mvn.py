"""MVN."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.mean_variance_normalization import MeanVarianceNormalization
from kerasbridge.importers.ir.options import decimal


@converts("MVN")
def mvn(layer: Layer) -> list[Operation]:
    """Convert MVN."""
    options = layer.options("mvn")
    return [MeanVarianceNormalization(options.across_channels, options.normalize_variance, decimal(options.eps))]
