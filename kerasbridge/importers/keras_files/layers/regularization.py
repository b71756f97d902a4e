"""Dropout, noise and penalties."""

from kerasbridge.importers.keras_files.ir import CHANNELS_LAST, Layer
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts

_ARGUMENTS = {
    "ActivityRegularization": ("l1", "l2"),
    "AlphaDropout": ("rate",),
    "Dropout": ("rate", "noise_shape"),
    "GaussianDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "SpatialDropout1D": ("rate",),
}


@converts(*_ARGUMENTS)
def regularization_layer(config: LayerConfig) -> Layer:
    """Convert a layer whose arguments have the same names in Keras 3."""
    return config.same_layer(*_ARGUMENTS[config.kind])


@converts("SpatialDropout2D", "SpatialDropout3D")
def spatial_dropout(config: LayerConfig) -> Layer:
    """Convert SpatialDropout; its data format, which files do not record, matters only in training."""
    return config.same_layer("rate", data_format=config.origin.data_format or CHANNELS_LAST)
