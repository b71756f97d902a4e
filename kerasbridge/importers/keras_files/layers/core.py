"""Layers of which Keras 3 has the like: their arguments, by the names that these have there."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import arguments
from kerasbridge.importers.keras_files.ir import CHANNELS_LAST, Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, with_bias
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_FILLED = ("fill_mode", "interpolation", "fill_value")


def _stock(kind: str, *names: str, **renamed: str) -> Callable[[Said], Layer]:
    """What makes a layer without weights that takes its arguments as they are, some by another name."""

    def layer(said: Said) -> Layer:
        options = said.options(*names)
        options |= {new: said.config[old] for new, old in renamed.items() if said.config.get(old) is not None}
        return said.layer(Part(kind, options))

    return layer


def _spatial(kind: str, *names: str) -> Callable[[Said], Layer]:
    """The same for layers that take images."""

    def layer(said: Said) -> Layer:
        return said.layer(Part(kind, said.options(*names), said.origin.data_format_of(said.config)))

    return layer


def _spatial_dropout(said: Said) -> Layer:
    """No file says their order, which is one of training alone."""
    return said.layer(Part(said.kind, said.options("rate"), said.origin.data_format or CHANNELS_LAST))


def _activation(said: Said) -> Layer:
    return said.layer(Part("Activation", {"activation": arguments.activation(said.get("activation"))}))


def _dense(said: Said) -> Layer:
    return said.layer(Part("Dense", said.options("units", *WEIGHTED)), names=with_bias(said, "kernel"))


def _embedding(said: Said) -> Layer:
    names = ("input_dim", "output_dim", "mask_zero", *(f"embeddings_{name}" for name in ("initializer", "regularizer")))
    notes = ("dropout of whole words is left out; it is for training alone",) if said.get("dropout", 0) else ()
    part = Part("Embedding", said.options(*names, "embeddings_constraint"))
    return said.layer(part, names=("embeddings",), notes=notes)


def _batch_normalization(said: Said) -> Layer:
    """Keras 1's mode 2 always takes the statistics of the batch."""
    if said.get("mode", 0) == 1:
        raise UnsupportedLayer("normalises each sample by itself (mode 1), which Keras 3 has not")
    if said.get("renorm"):
        raise UnsupportedLayer("has renorm, which Keras 3 has not")
    names = ("momentum", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "beta_regularizer")
    options = said.options(*names, "gamma_regularizer", "beta_constraint", "gamma_constraint")
    arrays = _scaled(said, "moving_mean", "moving_variance")
    if said.get("mode", 0) == 2:
        part = Part("EachBatchNormalization", {"epsilon": options["epsilon"], "axis": _axis(said)})
        return said.layer(part, names=arrays, arrange=lambda arrays: [arrays[:2]])
    return said.layer(Part("BatchNormalization", options | {"axis": _axis(said)}), names=arrays)


def _scaled(said: Said, *more: str) -> tuple[str, ...]:
    scale = ("gamma",) if said.get("scale", True) else ()
    return (*scale, *(("beta",) if said.get("center", True) else ()), *more)


def _axis(said: Said, default: int = -1) -> Any:
    axis = said.get("axis", default)
    return axis[0] if isinstance(axis, list) and len(axis) == 1 else axis


def _layer_normalization(said: Said) -> Layer:
    names = ("epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "beta_regularizer")
    options = said.options(*names, "gamma_regularizer", "beta_constraint", "gamma_constraint")
    return said.layer(Part("LayerNormalization", options | {"axis": _axis(said)}), names=_scaled(said))


def _group_normalization(said: Said) -> Layer:
    options = said.options("groups", "epsilon", "center", "scale")
    return said.layer(Part("GroupNormalization", options | {"axis": _axis(said)}), names=_scaled(said))


def _normalization(said: Said) -> Layer:
    """Mean and variance are in the configuration where they were given, else among the weights."""
    options = said.options("mean", "variance", "invert") | {"axis": _axis(said)}
    if "mean" in options:
        return said.layer(Part("Normalization", options))

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        mean, variance, count = arrays
        return [[mean, variance, np.asarray(count, np.int32)]]

    return said.layer(Part("Normalization", options), names=("mean", "variance", "count"), arrange=arrange)


def _scale(said: Said) -> Layer:
    """ConvNeXt's, of keras.applications."""
    return said.layer(Part("Affine", {"axes": (3,), "bias": False}, CHANNELS_LAST), names=("gamma",))


def _flatten(said: Said) -> Layer:
    """Keras 2 brings channels_first into the other order first; Keras 1 and the first of Keras 2 have no such word."""
    return said.layer(Part("Flatten", data_format=said.config.get("data_format")))


def _relu(said: Said) -> Layer:
    return said.layer(Part("ReLU", said.options("max_value", "negative_slope", "threshold")))


def _prelu(said: Said) -> Layer:
    options = said.options("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")
    return said.layer(Part("PReLU", options), names=("alpha",))


def _upsampling(said: Said) -> Layer:
    interpolation, version = said.get("interpolation", "nearest"), said.origin.version
    if interpolation != "nearest" and (said.kind != "UpSampling2D" or _has_corners_of_its_own(version)):
        raise UnsupportedLayer(f"interpolates ({interpolation}) by a rule of an old backend that Keras 3 has not")
    order = said.origin.data_format_of(said.config) if said.kind != "UpSampling1D" else None
    options = said.options("size") | ({} if interpolation == "nearest" else {"interpolation": interpolation})
    return said.layer(Part(said.kind, options, order))


def _has_corners_of_its_own(version: str) -> bool:
    """Return whether images are resized as TensorFlow 1 and Theano did it; since 2.2.4-tf they are as in Keras 3."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return numbers < (2, 2) or (numbers < (2, 4) and not version.endswith("-tf"))


def _rescaling(said: Said) -> Layer:
    return said.layer(Part("Rescaling", said.options("scale", "offset")))


def _augmenting(*names: str) -> Callable[[Said], Layer]:
    """What changes images at random in training alone."""

    def layer(said: Said) -> Layer:
        return said.layer(Part(said.kind, said.options(*names), CHANNELS_LAST))

    return layer


def _resizing(said: Said) -> Layer:
    if said.get("crop_to_aspect_ratio"):
        raise UnsupportedLayer("cuts to an aspect ratio, which is not brought")
    return said.layer(Part("Resizing", said.options("height", "width", "interpolation"), "channels_last"))


TABLE: Table = {
    "Activation": _activation, "Dense": _dense, "Embedding": _embedding, "Flatten": _flatten, "PReLU": _prelu,
    "BatchNormalization": _batch_normalization, "BatchNormalizationV1": _batch_normalization,
    "BatchNormalizationV2": _batch_normalization, "SyncBatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization, "GroupNormalization": _group_normalization,
    "UnitNormalization": _stock("UnitNormalization", "axis"), "Normalization": _normalization,
    "RandomFlip": _augmenting("mode"), "RandomContrast": _augmenting("factor"),
    "RandomBrightness": _augmenting("factor", "value_range"), "RandomRotation": _augmenting("factor", *_FILLED),
    "RandomZoom": _augmenting("height_factor", "width_factor", *_FILLED),
    "RandomTranslation": _augmenting("height_factor", "width_factor", *_FILLED),
    "CenterCrop": _augmenting("height", "width"),
    "LayerScale": _scale, "Rescaling": _rescaling, "Resizing": _resizing,
    "Dropout": _stock("Dropout", "rate", "noise_shape"),
    "SpatialDropout1D": _stock("SpatialDropout1D", "rate"), "SpatialDropout2D": _spatial_dropout,
    "SpatialDropout3D": _spatial_dropout, "GaussianNoise": _stock("GaussianNoise", "stddev"),
    "GaussianDropout": _stock("GaussianDropout", "rate"), "AlphaDropout": _stock("AlphaDropout", "rate"),
    "ActivityRegularization": _stock("ActivityRegularization", "l1", "l2"), "Masking": _stock("Masking", "mask_value"),
    "Reshape": _stock("Reshape", "target_shape"), "Permute": _stock("Permute", "dims"),
    "RepeatVector": _stock("RepeatVector", "n"), "ReLU": _relu, "Softmax": _stock("Softmax", "axis"),
    "LeakyReLU": _stock("LeakyReLU", negative_slope="alpha"), "ELU": _stock("ELU", "alpha"),
    "ThresholdedReLU": _stock("ThresholdedReLU", "theta"), "Identity": _stock("Identity"),
    "ZeroPadding1D": _stock("ZeroPadding1D", "padding"), "ZeroPadding2D": _spatial("ZeroPadding2D", "padding"),
    "ZeroPadding3D": _spatial("ZeroPadding3D", "padding"), "Cropping1D": _stock("Cropping1D", "cropping"),
    "Cropping2D": _spatial("Cropping2D", "cropping"), "Cropping3D": _spatial("Cropping3D", "cropping"),
    "UpSampling1D": _upsampling, "UpSampling2D": _upsampling, "UpSampling3D": _upsampling,
}  # fmt: skip
