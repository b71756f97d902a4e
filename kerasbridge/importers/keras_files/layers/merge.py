"""Layers that take several tensors."""

from collections.abc import Callable

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import Said, Table
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


def _merging(kind: str, *names: str) -> Callable[[Said], Layer]:
    def layer(said: Said) -> Layer:
        return said.layer(Part(kind, said.options(*names)))

    return layer


def _cosine(said: Said) -> Layer:
    """Keras 1's mode "cos" gives (batch, 1, 1) for two vectors."""
    dot = Part("Dot", {**said.options("axes"), "normalize": True}, suffix="dot")
    return said.layer(dot, Part("Reshape", {"target_shape": (1, 1)}))


def _attention(said: Said) -> Layer:
    if said.get("causal"):
        raise UnsupportedLayer("has the argument causal, which Keras 3 has not")
    options = said.options("use_scale", "dropout") | (
        {"score_mode": said.config["score_mode"]} if said.get("score_mode") else {}
    )
    additive = said.kind == "AdditiveAttention"
    scaled = said.get("use_scale", additive)
    weights = ["concat_score_weight"] if said.get("score_mode") == "concat" else []
    return said.layer(Part(said.kind, options), names=(*(["scale"] if scaled else []), *weights))


def _heads(said: Said) -> Layer:
    """Its weights are those of four projections: of query, key and value, and the one of the output."""
    names = ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape", "attention_axes")
    kept = ("kernel_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint")
    each = ("kernel", "bias") if said.get("use_bias", True) else ("kernel",)
    weights = [f"{part}_{name}" for part in ("query", "key", "value", "attention_output") for name in each]
    return said.layer(Part("MultiHeadAttention", said.options(*names, *kept)), names=tuple(weights))


TABLE: Table = {
    **{kind: _merging(kind) for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")},
    "Concatenate": _merging("Concatenate", "axis"),
    "Dot": _merging("Dot", "axes", "normalize"),
    "Cosine": _cosine,
    "Attention": _attention,
    "AdditiveAttention": _attention,
    "MultiHeadAttention": _heads,
}
