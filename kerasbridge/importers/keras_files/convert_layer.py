"""Convert a layer of Keras 1 or 2 to the Keras 3 layers that replace it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import Layer
from kerasbridge.importers.keras_files.keras1_config import upgrade_config
from kerasbridge.importers.keras_files.keras1_weights import upgrade_weights, weight_names
from kerasbridge.importers.keras_files.layers import LAYERS
from kerasbridge.importers.keras_files.layers.base import LayerConfig
from kerasbridge.importers.keras_files.layers.removed_layers import KERAS1_ARGUMENTS
from kerasbridge.importers.keras_files.layers.unsupported import unsupported_reason
from kerasbridge.importers.keras_files.provenance import Origin, UnsupportedLayer

_WEIGHT_ARGUMENTS = (
    "use_bias", "filters", "kernel_size", "center", "scale", "reset_after", "use_scale", "score_mode", "units",
    "merge_mode", "layer", "mode", "pieces", "bias_axes", "equation", "output_shape", "cell", "cells",
)  # fmt: skip
"""The arguments that determine which weights a layer has."""


def convert_layer(
    name: str,
    kind: str,
    config: Mapping[str, Any],
    origin: Origin,
    convert_inner: Callable[[str, Mapping[str, Any]], Layer],
) -> Layer:
    """Return the layer with this configuration in a file.

    Args:
        name, kind: the name and class of the layer.
        config: its configuration.
        origin: the provenance of the file.
        convert_inner: converts a layer or model that it wraps, from class and configuration.

    Raises:
        UnsupportedLayer: the layer cannot be converted.
    """
    keras2_kind, arguments = kind, config
    if origin.is_keras1 or kind in KERAS1_ARGUMENTS:
        keras2_kind, arguments = upgrade_config(kind, config)
    return _convert(LayerConfig(name, kind, keras2_kind, arguments, origin, convert_inner))


def legacy_layer(name: str, kind: str, config: Mapping[str, Any], origin: Origin, joint_gates: bool) -> Layer:
    """Return the Keras 1 or 2 layer whose weights a Keras 3 layer takes.

    Args:
        name, kind, config: of the Keras 3 layer.
        origin: the provenance of the weights; its data format is that of their kernels.
        joint_gates: whether a Keras 1 recurrent layer has one array for all gates.

    Raises:
        UnsupportedLayer: Keras 1 and 2 had no such layer.
    """
    arguments = _weight_arguments(config, *(["strides"] if kind.startswith("LocallyConnected") else []))
    if joint_gates:
        arguments["consume_less"] = "gpu"

    def convert_inner(inner_kind: str, inner_config: Mapping[str, Any]) -> Layer:
        return legacy_layer(name, inner_kind, inner_config, origin, joint_gates)

    layer_config = LayerConfig(name, kind, kind, arguments, origin, convert_inner)
    layer = _convert(layer_config)
    cudnn = f"CuDNN{kind}"
    if cudnn in LAYERS and not origin.is_keras1:
        return _either(layer, LAYERS[cudnn](replace(layer_config, kind=cudnn)))
    return layer


def _convert(config: LayerConfig) -> Layer:
    if config.kind not in LAYERS:
        raise UnsupportedLayer(unsupported_reason(config.type))
    layer = LAYERS[config.kind](config)
    return _with_keras1_weights(layer, config) if config.origin.is_keras1 and layer.weight_names else layer


def _with_keras1_weights(layer: Layer, config: LayerConfig) -> Layer:
    """Return the layer that takes the arrays of Keras 1."""
    upgrade, arrange = upgrade_weights(config.kind, config.arguments, config.origin), layer.arrange
    names = weight_names(config.kind, config.arguments, layer.weight_names)
    return replace(layer, weight_names=names, arrange=lambda arrays: arrange(upgrade(arrays)))


def _weight_arguments(config: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """Return the arguments that determine which weights a layer has, also in the configurations of cells."""
    arguments = {name: value for name, value in config.items() if name in (*_WEIGHT_ARGUMENTS, *more)}
    if "cell" in arguments:
        arguments["cell"] = _cell_weight_arguments(arguments["cell"])
    if "cells" in arguments:
        arguments["cells"] = [_cell_weight_arguments(cell) for cell in arguments["cells"]]
    return arguments


def _cell_weight_arguments(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {"class_name": cell["class_name"], "config": _weight_arguments(cell["config"])}


def _either(layer: Layer, cudnn: Layer) -> Layer:
    """Return the layer that also takes cuDNN arrays, whose bias is twice as long."""

    def arrange(arrays: Sequence[Array]) -> Sequence[Sequence[Array]]:
        is_cudnn = len(arrays) == 3 and arrays[2].shape == (2 * arrays[1].shape[1],)
        return (cudnn if is_cudnn else layer).arrange(arrays)

    return replace(layer, arrange=arrange)
