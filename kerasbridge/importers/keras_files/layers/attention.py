"""Attention layers."""

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts, with_bias
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


@converts("Attention", "AdditiveAttention")
def attention(config: LayerConfig) -> Layer:
    """Convert Attention and AdditiveAttention."""
    if config.get("causal"):
        raise UnsupportedLayer("has causal=True, which Keras 3 does not support")
    score_mode = config.get("score_mode")
    options = config.options("use_scale", "dropout") | ({"score_mode": score_mode} if score_mode else {})
    weights = {
        "scale": config.get("use_scale", config.kind == "AdditiveAttention"),
        "concat_score_weight": score_mode == "concat",
    }
    return config.layer(
        Part(config.kind, options), weight_names=tuple(name for name, is_used in weights.items() if is_used)
    )


@converts("MultiHeadAttention")
def multi_head_attention(config: LayerConfig) -> Layer:
    """Convert MultiHeadAttention; its weights are those of four projections."""
    names = ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape", "attention_axes")
    weights = ("kernel_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint")
    weight_names = tuple(
        f"{projection}_{name}"
        for projection in ("query", "key", "value", "attention_output")
        for name in with_bias(config, "kernel")
    )
    return config.layer(Part("MultiHeadAttention", config.options(*names, *weights)), weight_names=weight_names)
