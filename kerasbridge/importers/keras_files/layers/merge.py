"""Layers that merge several tensors."""

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts

_ARGUMENTS = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), ()),
    "Concatenate": ("axis",),
    "Dot": ("axes", "normalize"),
}


@converts(*_ARGUMENTS)
def merge(config: LayerConfig) -> Layer:
    """Convert a layer whose arguments have the same names in Keras 3."""
    return config.same_layer(*_ARGUMENTS[config.kind])


@converts("Cosine")
def cosine(config: LayerConfig) -> Layer:
    """Convert Merge of Keras 1 with `mode="cos"`, which returns (batch, 1, 1) for two vectors."""
    dot = Part("Dot", {**config.options("axes"), "normalize": True}, suffix="dot")
    return config.layer(dot, Part("Reshape", {"target_shape": (1, 1)}))
