"""Layers around others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import Fit, Layer, Part
from kerasbridge.importers.keras_files.layers.base import Said
from kerasbridge.importers.keras_files.provenance import Origin, UnsupportedLayer

Translate = Callable[[str, Mapping[str, Any], Origin], Layer]


def time_distributed(said: Said, translate: Translate) -> Layer:
    """Each part of the layer within, or the model within, for every step of time."""
    inner = said.config["layer"]
    layer = translate(inner["class_name"], inner["config"], said.origin)
    if layer.model is not None:
        return replace(layer, name=said.name, type=said.type, parts=(Part("TimeDistributed"),))
    parts = tuple(
        Part("TimeDistributed", suffix=part.suffix, inner=part, fit=part.fit and _of_a_step(part.fit))
        for part in layer.parts
    )
    trainable = layer.trainable and said.config.get("trainable") is not False
    return replace(layer, name=said.name, type=f"{said.type} of {layer.type}", parts=parts, trainable=trainable)


def _of_a_step(fit: Fit) -> Fit:
    return lambda arrays, shape: fit(arrays, (shape[0], *shape[2:]))


def _of_both_ways(fit: Fit) -> Fit:
    def both(arrays: Sequence[Array], shape: Shape) -> Sequence[Array]:
        half = len(arrays) // 2
        return [*fit(arrays[:half], shape), *fit(arrays[half:], shape)]

    return both


def bidirectional(said: Said, translate: Translate) -> Layer:
    """A recurrent layer, and the same with weights of its own from the other end."""
    inner = said.config["layer"]
    layer = translate(inner["class_name"], inner["config"], said.origin)
    if (
        layer.model is not None
        or len(layer.parts) != 1
        or layer.parts[0].kind not in ("LSTM", "GRU", "RNN", "SimpleRNN")
    ):
        raise UnsupportedLayer(f"wraps the layer {layer}, which is not brought")
    if said.config.get("backward_layer") and not _is_alike(inner, said.config["backward_layer"]):
        raise UnsupportedLayer("has a backward layer of another kind, which is not brought")

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        half = len(arrays) // 2
        return [[array for part in (arrays[:half], arrays[half:]) for array in layer.arrange(part)[0]]]

    names = tuple(f"{way}_{name}" for way in ("forward", "backward") for name in layer.names)
    (inner_part,) = layer.parts
    fit = inner_part.fit and _of_both_ways(inner_part.fit)
    part = Part("Bidirectional", {"merge_mode": said.config.get("merge_mode")}, inner=inner_part, fit=fit)
    return (
        said.layer(part, names=names, arrange=arrange)
        if said.config.get("trainable") is not False
        else replace(said.layer(part, names=names, arrange=arrange), trainable=False)
    )


def _is_alike(forward: Mapping[str, Any], backward: Mapping[str, Any]) -> bool:
    """Return whether two recurrent layers differ in name and direction alone."""
    apart = {"name", "go_backwards"}
    one, other = (
        {key: value for key, value in each["config"].items() if key not in apart} for each in (forward, backward)
    )
    return forward["class_name"] == backward["class_name"] and one == other


def spectral_normalization(said: Said, translate: Translate) -> Layer:
    """A layer whose kernel training divides by its largest singular value; the vector that finds it comes last."""
    inner = said.config["layer"]
    layer = translate(inner["class_name"], inner["config"], said.origin)
    if not layer.names or layer.parts[-1].inner is not None or layer.parts[-1].fit is not None:
        raise UnsupportedLayer(f"wraps the layer {layer}, which is not brought")

    def arrange(arrays: Sequence[Array]) -> Sequence[Sequence[Array]]:
        *before, (kernel, *bias) = layer.arrange(arrays[:-1])
        return [*before, [kernel, arrays[-1], *bias]]

    options = {"power_iterations": said.get("power_iterations", 1)}
    *before, last = layer.parts
    part = Part(said.kind, options, suffix=last.suffix, inner=last)
    trainable = layer.trainable and said.config.get("trainable") is not False
    return replace(
        layer,
        name=said.name,
        type=f"{said.type} of {layer.type}",
        parts=(*before, part),
        trainable=trainable,
        names=(*layer.names, "vector_u"),
        arrange=arrange,
    )


WRAPPERS: Mapping[str, Callable[[Said, Translate], Layer]] = {
    "TimeDistributed": time_distributed,
    "Bidirectional": bidirectional,
    "SpectralNormalization": spectral_normalization,
}
