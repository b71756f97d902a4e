"""Layers that preprocess or augment data."""

from kerasbridge.importers.keras_files.ir import CHANNELS_LAST, Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts
from kerasbridge.importers.keras_files.provenance import UnsupportedLayer

_FILL = ("fill_mode", "interpolation", "fill_value")
_ARGUMENTS = {
    "CenterCrop": ("height", "width"),
    "RandomBrightness": ("factor", "value_range"),
    "RandomContrast": ("factor",),
    "RandomFlip": ("mode",),
    "RandomRotation": ("factor", *_FILL),
    "RandomTranslation": ("height_factor", "width_factor", *_FILL),
    "RandomZoom": ("height_factor", "width_factor", *_FILL),
    "Resizing": ("height", "width", "interpolation"),
}


@converts(*_ARGUMENTS)
def image_layer(config: LayerConfig) -> Layer:
    """Convert a layer that takes images with the channels last, and the same arguments in Keras 3."""
    if config.get("crop_to_aspect_ratio"):
        raise UnsupportedLayer("has crop_to_aspect_ratio=True, which is not supported")
    return config.same_layer(*_ARGUMENTS[config.kind], data_format=CHANNELS_LAST)


@converts("Rescaling")
def rescaling(config: LayerConfig) -> Layer:
    """Convert Rescaling."""
    return config.same_layer("scale", "offset")


@converts("CategoryEncoding")
def category_encoding(config: LayerConfig) -> Layer:
    """Convert CategoryEncoding; TensorFlow 2.3 to 2.5 called `num_tokens` max_tokens, and "multi_hot" "binary"."""
    mode = config.get("output_mode", "multi_hot")
    if config.get("sparse") or mode == "tf-idf":
        raise UnsupportedLayer("returns sparse tensors or tf-idf, which is not supported")
    options = {
        "num_tokens": config.get("num_tokens", config.get("max_tokens")),
        "output_mode": "multi_hot" if mode == "binary" else mode,
    }
    return config.layer(Part("CategoryEncoding", config.options() | options))


@converts("Discretization")
def discretization(config: LayerConfig) -> Layer:
    """Convert Discretization without its dtype: in Keras 2 the type of its output, in Keras 3 of its input too."""
    boundaries = config.get("bin_boundaries")
    if not boundaries or config.get("sparse"):
        raise UnsupportedLayer(
            "returns sparse tensors, or has no bin_boundaries: adapt() computed them, and the file does not have them"
        )
    options = {"output_mode": config.get("output_mode", "int"), "bin_boundaries": [float(one) for one in boundaries]}
    return config.layer(Part("Discretization", options))
