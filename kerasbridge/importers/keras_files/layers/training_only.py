"""Layers that return their input outside of training, and do not exist in Keras 3."""

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts

_EFFECTS = {
    "RandomHeight": "the random height",
    "RandomWidth": "the random width",
    "AddLoss": "the added loss",
    "AddMetric": "the added metric",
}


@converts(*_EFFECTS)
def training_only(config: LayerConfig) -> Layer:
    """Convert the layer to the identity."""
    note = f"{_EFFECTS[config.kind]} is left out: it has an effect in training only"
    return config.layer(Part("Identity"), notes=(note,))
