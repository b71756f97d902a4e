"""Layers that reshape, pad, crop or enlarge their input."""

import re

from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_ARGUMENTS = {
    "Cropping1D": ("cropping",),
    "Permute": ("dims",),
    "RepeatVector": ("n",),
    "Reshape": ("target_shape",),
    "ZeroPadding1D": ("padding",),
}


@converts(*_ARGUMENTS)
def reshaping_layer(config: LayerConfig) -> Layer:
    """Convert a layer whose arguments have the same names in Keras 3."""
    return config.same_layer(*_ARGUMENTS[config.kind])


@converts("ZeroPadding2D", "ZeroPadding3D", "Cropping2D", "Cropping3D")
def padding_or_cropping(config: LayerConfig) -> Layer:
    """Convert ZeroPadding and Cropping of images."""
    return config.same_layer("padding", "cropping", data_format=config.image_data_format())


@converts("Flatten")
def flatten(config: LayerConfig) -> Layer:
    """Convert Flatten; Keras 1 and early Keras 2 have no `data_format` and flatten images in the order they have."""
    return config.layer(Part("Flatten", data_format=config.get("data_format")))


@converts("UpSampling1D", "UpSampling2D", "UpSampling3D")
def upsampling(config: LayerConfig) -> Layer:
    """Convert UpSampling."""
    interpolation = config.get("interpolation", "nearest")
    if interpolation != "nearest" and (config.kind != "UpSampling2D" or _resizes_differently(config.origin.version)):
        raise UnsupportedLayer(f"interpolates ({interpolation}) by a rule of an old backend that Keras 3 does not have")
    data_format = config.image_data_format() if config.kind != "UpSampling1D" else None
    options = config.options("size") | ({} if interpolation == "nearest" else {"interpolation": interpolation})
    return config.layer(Part(config.kind, options, data_format))


def _resizes_differently(version: str) -> bool:
    """Return whether images are resized as TensorFlow 1 and Theano did; since 2.2.4-tf Keras does as Keras 3."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return numbers < (2, 2) or (numbers < (2, 4) and not version.endswith("-tf"))
