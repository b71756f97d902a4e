"""Layers of Keras 1 and Keras 2 as those of Keras 3, without the models that they may hold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import keras1_weights
from kerasbridge.importers.keras_files.ir import Layer
from kerasbridge.importers.keras_files.keras1_config import upgrade_config
from kerasbridge.importers.keras_files.layers import (
    convolution,
    core,
    einsum_dense,
    locally_connected,
    merge,
    pooling,
    preprocessing,
    recurrent,
    removed_layers,
    rnn_cells,
)
from kerasbridge.importers.keras_files.layers.base import Said, Table
from kerasbridge.importers.keras_files.layers.unsupported import unsupported_reason
from kerasbridge.importers.keras_files.layers.wrappers import WRAPPERS, Translate
from kerasbridge.importers.keras_files.provenance import Origin, UnsupportedLayer

LAYERS: Table = {
    **core.TABLE, **convolution.TABLE, **pooling.TABLE, **recurrent.TABLE, **merge.TABLE, **locally_connected.TABLE,
    **rnn_cells.TABLE, **removed_layers.TABLE, **preprocessing.TABLE, **einsum_dense.TABLE,
}  # fmt: skip
"""What makes each layer, by its class in Keras 2."""


def convert_layer(name: str, kind: str, config: Mapping[str, Any], origin: Origin, models: Translate) -> Layer:
    """The layer of which a file says this.

    Args:
        name, kind: of the layer.
        config: its configuration.
        origin: where the file comes from.
        models: what translates a layer within it, or a model.

    Raises:
        UnsupportedLayer: why it cannot be brought.
    """
    known, words = (
        upgrade_config(kind, config) if origin.is_keras1 or kind in removed_layers.OLD_WORDED else (kind, config)
    )
    said = Said(name, kind, known, words, origin)
    if known in WRAPPERS:
        return WRAPPERS[known](said, models)
    if known not in LAYERS:
        raise UnsupportedLayer(unsupported_reason(kind))
    layer = LAYERS[known](said)
    return _from_old_weights(layer, said) if origin.is_keras1 and layer.names else layer


def _from_old_weights(layer: Layer, said: Said) -> Layer:
    """The layer that takes the arrays as Keras 1 has them."""
    turn, arrange = keras1_weights.upgrade_weights(said.kind, said.config, said.origin), layer.arrange
    names = keras1_weights.array_names(said.kind, said.config, layer.names)
    return replace(layer, names=names, arrange=lambda arrays: arrange(turn(arrays)))


_OF_WEIGHTS = (
    "use_bias", "filters", "kernel_size", "center", "scale", "reset_after", "use_scale", "score_mode", "units",
    "merge_mode", "layer", "mode", "pieces", "bias_axes", "equation", "output_shape", "cell", "cells",
)  # fmt: skip
"""What in a configuration decides which arrays there are."""


def legacy_layer(name: str, kind: str, config: Mapping[str, Any], origin: Origin, whole: bool) -> Layer:
    """A layer of Keras 3 as the layer of an old Keras whose arrays it takes.

    Args:
        name, kind, config: of the layer of Keras 3.
        origin: where the arrays come from; its order is that of their kernels.
        whole: whether the gates of recurrent layers of Keras 1 share arrays.

    Raises:
        UnsupportedLayer: no old Keras had such a layer.
    """
    kept = _of_weights(config, "strides" if kind.startswith("LocallyConnected") else "")
    said = Said(name, kind, kind, {**kept, **({"consume_less": "gpu"} if whole else {})}, origin)

    def within(inner: str, options: Mapping[str, Any], origin: Origin) -> Layer:
        return legacy_layer(name, inner, options, origin, whole)

    if kind in WRAPPERS:
        return WRAPPERS[kind](said, within)
    if kind not in LAYERS:
        raise UnsupportedLayer(unsupported_reason(kind))
    layer = LAYERS[kind](said)
    if f"CuDNN{kind}" in LAYERS and not origin.is_keras1:
        return _either(layer, LAYERS[f"CuDNN{kind}"](said))
    return _from_old_weights(layer, said) if origin.is_keras1 and layer.names else layer


def _of_weights(config: Mapping[str, Any], more: str = "") -> dict[str, Any]:
    """What in a configuration, and in those of cells, decides which arrays there are."""
    kept = {key: value for key, value in config.items() if key in _OF_WEIGHTS or key == more}
    if "cell" in kept:
        kept["cell"] = _of_weights_of_a_cell(kept["cell"])
    if "cells" in kept:
        kept["cells"] = [_of_weights_of_a_cell(cell) for cell in kept["cells"]]
    return kept


def _of_weights_of_a_cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {"class_name": cell["class_name"], "config": _of_weights(cell["config"])}


def _either(layer: Layer, cudnn: Layer) -> Layer:
    """The layer that takes arrays of cuDNN's too, which are told by a bias that is twice as long."""

    def arrange(arrays: Sequence[Array]) -> Sequence[Sequence[Array]]:
        is_cudnn = len(arrays) == 3 and arrays[2].shape == (2 * arrays[1].shape[1],)
        return (cudnn if is_cudnn else layer).arrange(arrays)

    return replace(layer, arrange=arrange)
