"""Layers that wrap another layer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import BuildWeights, Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer


def _convert_inner(config: LayerConfig) -> Layer:
    inner = config.arguments["layer"]
    return config.convert_inner(inner["class_name"], inner["config"])


@converts("TimeDistributed")
def time_distributed(config: LayerConfig) -> Layer:
    """Convert TimeDistributed: each part of the layer, or the model, that it wraps, applied to every step."""
    layer = _convert_inner(config)
    if layer.model is not None:
        return replace(layer, name=config.name, type=config.type, parts=(Part("TimeDistributed"),))
    parts = tuple(
        Part(
            "TimeDistributed",
            suffix=part.suffix,
            inner=part,
            build_weights=part.build_weights and _for_each_step(part.build_weights),
        )
        for part in layer.parts
    )
    trainable = layer.trainable and config.trainable
    return replace(layer, name=config.name, type=f"{config.type} of {layer.type}", parts=parts, trainable=trainable)


def _for_each_step(build_weights: BuildWeights) -> BuildWeights:
    return lambda arrays, input_shape: build_weights(arrays, (input_shape[0], *input_shape[2:]))


@converts("Bidirectional")
def bidirectional(config: LayerConfig) -> Layer:
    """Convert Bidirectional; the weights of the forward layer are stored before those of the backward layer."""
    layer = _convert_inner(config)
    is_single = layer.model is None and len(layer.parts) == 1
    if not is_single or layer.parts[0].kind not in ("LSTM", "GRU", "RNN", "SimpleRNN"):
        raise UnsupportedLayer(f"wraps the layer {layer}, which is not supported")
    backward = config.get("backward_layer")
    if backward and not _is_same_layer(config.arguments["layer"], backward):
        raise UnsupportedLayer("has a different backward_layer, which is not supported")

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        half = len(arrays) // 2
        return [[array for part in (arrays[:half], arrays[half:]) for array in layer.arrange(part)[0]]]

    (inner,) = layer.parts
    options = {"merge_mode": config.get("merge_mode")}
    build_weights = inner.build_weights and _for_both_directions(inner.build_weights)
    part = Part("Bidirectional", options, inner=inner, build_weights=build_weights)
    weight_names = tuple(f"{direction}_{name}" for direction in ("forward", "backward") for name in layer.weight_names)
    return config.layer(part, weight_names=weight_names, arrange=arrange)


def _for_both_directions(build_weights: BuildWeights) -> BuildWeights:
    def build_both(arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        half = len(arrays) // 2
        return [*build_weights(arrays[:half], input_shape), *build_weights(arrays[half:], input_shape)]

    return build_both


def _is_same_layer(forward: Mapping[str, Any], backward: Mapping[str, Any]) -> bool:
    """Return whether two recurrent layers differ only in name and direction."""
    ignored = {"name", "go_backwards"}
    first, second = (
        {key: value for key, value in layer["config"].items() if key not in ignored} for layer in (forward, backward)
    )
    return forward["class_name"] == backward["class_name"] and first == second


@converts("SpectralNormalization")
def spectral_normalization(config: LayerConfig) -> Layer:
    """Convert SpectralNormalization; its vector for the power iteration is stored after the weights of the layer."""
    layer = _convert_inner(config)
    if not layer.weight_names or layer.parts[-1].inner is not None or layer.parts[-1].build_weights is not None:
        raise UnsupportedLayer(f"wraps the layer {layer}, which is not supported")

    def arrange(arrays: Sequence[Array]) -> Sequence[Sequence[Array]]:
        *earlier, (kernel, *bias) = layer.arrange(arrays[:-1])
        return [*earlier, [kernel, arrays[-1], *bias]]

    *before, last = layer.parts
    part = Part(config.kind, {"power_iterations": config.get("power_iterations", 1)}, suffix=last.suffix, inner=last)
    return replace(
        layer,
        name=config.name,
        type=f"{config.type} of {layer.type}",
        parts=(*before, part),
        trainable=layer.trainable and config.trainable,
        weight_names=(*layer.weight_names, "vector_u"),
        arrange=arrange,
    )
