"""Activations."""

from kerasbridge.importers.keras_files.arguments import convert_activation
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import LayerConfig, converts

_ARGUMENTS = {
    "ELU": ("alpha",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Softmax": ("axis",),
    "ThresholdedReLU": ("theta",),
}


@converts(*_ARGUMENTS)
def activation_layer(config: LayerConfig) -> Layer:
    """Convert a layer without weights whose arguments have the same names in Keras 3."""
    return config.same_layer(*_ARGUMENTS[config.kind])


@converts("Activation")
def activation(config: LayerConfig) -> Layer:
    """Convert Activation."""
    return config.layer(Part("Activation", {"activation": convert_activation(config.get("activation"))}))


@converts("LeakyReLU")
def leaky_relu(config: LayerConfig) -> Layer:
    """Convert LeakyReLU, whose `alpha` is `negative_slope` in Keras 3."""
    slope = {} if config.get("alpha") is None else {"negative_slope": config.get("alpha")}
    return config.layer(Part("LeakyReLU", config.options() | slope))


@converts("PReLU")
def prelu(config: LayerConfig) -> Layer:
    """Convert PReLU."""
    options = config.options("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")
    return config.layer(Part("PReLU", options), weight_names=("alpha",))
