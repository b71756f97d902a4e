"""Normalization layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files.ir import CHANNELS_LAST, Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_AFFINE_ARGUMENTS = (
    "epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "beta_regularizer", "gamma_regularizer",
    "beta_constraint", "gamma_constraint",
)  # fmt: skip


@converts("BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization")
def batch_normalization(config: LayerConfig) -> Layer:
    """Convert BatchNormalization; `mode=2` of Keras 1 always normalises with the statistics of the batch."""
    if config.get("mode", 0) == 1:
        raise UnsupportedLayer("normalises each sample by itself (mode=1), which Keras 3 does not support")
    if config.get("renorm"):
        raise UnsupportedLayer("has renorm=True, which Keras 3 does not support")
    options = config.options("momentum", *_AFFINE_ARGUMENTS) | {"axis": _axis(config)}
    weight_names = (*_affine_weights(config), "moving_mean", "moving_variance")
    if config.get("mode", 0) == 2:
        part = Part("EachBatchNormalization", {"epsilon": options["epsilon"], "axis": options["axis"]})
        return config.layer(part, weight_names=weight_names, arrange=lambda arrays: [arrays[:2]])
    return config.layer(Part("BatchNormalization", options), weight_names=weight_names)


@converts("LayerNormalization")
def layer_normalization(config: LayerConfig) -> Layer:
    """Convert LayerNormalization."""
    options = config.options(*_AFFINE_ARGUMENTS) | {"axis": _axis(config)}
    return config.layer(Part("LayerNormalization", options), weight_names=_affine_weights(config))


@converts("GroupNormalization")
def group_normalization(config: LayerConfig) -> Layer:
    """Convert GroupNormalization."""
    options = config.options("groups", "epsilon", "center", "scale") | {"axis": _axis(config)}
    return config.layer(Part("GroupNormalization", options), weight_names=_affine_weights(config))


@converts("UnitNormalization")
def unit_normalization(config: LayerConfig) -> Layer:
    """Convert UnitNormalization."""
    return config.same_layer("axis")


@converts("Normalization")
def normalization(config: LayerConfig) -> Layer:
    """Convert Normalization; its mean and variance are arguments if the user passed them, else weights."""
    options = config.options("mean", "variance", "invert") | {"axis": _axis(config)}
    if "mean" in options:
        return config.layer(Part("Normalization", options))

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        mean, variance, count = arrays
        return [[mean, variance, np.asarray(count, np.int32)]]

    return config.layer(Part("Normalization", options), weight_names=("mean", "variance", "count"), arrange=arrange)


@converts("LayerScale")
def layer_scale(config: LayerConfig) -> Layer:
    """Convert LayerScale of keras.applications.convnext."""
    return config.layer(Part("Affine", {"axes": (3,), "bias": False}, CHANNELS_LAST), weight_names=("gamma",))


def _affine_weights(config: LayerConfig) -> tuple[str, ...]:
    weights = {"gamma": config.get("scale", True), "beta": config.get("center", True)}
    return tuple(name for name, is_used in weights.items() if is_used)


def _axis(config: LayerConfig) -> Any:
    axis = config.get("axis", -1)
    return axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
