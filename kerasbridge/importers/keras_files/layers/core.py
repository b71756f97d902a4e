"""Dense layers, embeddings and masking."""

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import KERNEL_ARGUMENTS, LayerConfig, converts, with_bias


@converts("Dense")
def dense(config: LayerConfig) -> Layer:
    """Convert Dense."""
    part = Part("Dense", config.options("units", *KERNEL_ARGUMENTS))
    return config.layer(part, weight_names=with_bias(config, "kernel"))


@converts("Embedding")
def embedding(config: LayerConfig) -> Layer:
    """Convert Embedding."""
    embeddings = ("embeddings_initializer", "embeddings_regularizer", "embeddings_constraint")
    dropout_note = "dropout of whole words is left out: it has an effect in training only"
    part = Part("Embedding", config.options("input_dim", "output_dim", "mask_zero", *embeddings))
    return config.layer(part, weight_names=("embeddings",), notes=(dropout_note,) if config.get("dropout") else ())


@converts("Identity")
def identity(config: LayerConfig) -> Layer:
    """Convert Identity."""
    return config.same_layer()


@converts("Masking")
def masking(config: LayerConfig) -> Layer:
    """Convert Masking."""
    return config.same_layer("mask_value")
