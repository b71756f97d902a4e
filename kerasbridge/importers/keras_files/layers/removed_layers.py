"""Layers that Keras 3 does not have and `kerasbridge.layers` does."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import (
    KERNEL_ARGUMENTS,
    LayerConfig,
    check_shape,
    converts,
    with_bias,
)

KERAS1_ARGUMENTS = ("Highway", "MaxoutDense")
"""Layers of `keras/legacy/layers.py`, which kept the argument names of Keras 1 in Keras 2."""


@converts("Highway")
def highway(config: LayerConfig) -> Layer:
    """Convert Highway; since 1.2 both kernels are stored before both biases, earlier each bias after its kernel."""

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        return [sorted(arrays, key=lambda array: -array.ndim)]

    def build_weights(arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        units = input_shape[-1]
        return _check_shapes(arrays, *[(units, units)] * 2, *[(units,)] * 2)

    weight_names = ("W", "W_carry", "b", "b_carry") if config.get("use_bias", True) else ("W", "W_carry")
    part = Part("Highway", config.options(*KERNEL_ARGUMENTS), build_weights=build_weights)
    return config.layer(part, weight_names=weight_names, arrange=arrange)


@converts("MaxoutDense")
def maxout_dense(config: LayerConfig) -> Layer:
    """Convert MaxoutDense."""
    options = config.options("units", "pieces", *(name for name in KERNEL_ARGUMENTS if name != "activation"))

    def build_weights(arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        pieces, units = options["pieces"], options["units"]
        return _check_shapes(arrays, (pieces, input_shape[-1], units), (pieces, units))

    part = Part("MaxoutDense", options, build_weights=build_weights)
    return config.layer(part, weight_names=with_bias(config, "kernel"))


@converts("SReLU")
def srelu(config: LayerConfig) -> Layer:
    """Convert SReLU, which Theano bounds; `a_left_init` is missing if only the weights are converted."""
    is_bounded = "a_left_init" in config.arguments and config.origin.ran_on_theano(config.name)
    options = {**config.options(), "bounded": True} if is_bounded else config.options()
    return config.layer(Part("SReLU", options), weight_names=("t_left", "a_left", "t_right", "a_right"))


@converts("ParametricSoftplus")
def parametric_softplus(config: LayerConfig) -> Layer:
    """Convert ParametricSoftplus; the shapes of its weights give the axes that share them."""
    return config.layer(Part("ParametricSoftplus", config.options()), weight_names=("alphas", "betas"))


@converts("RandomFourierFeatures")
def random_fourier_features(config: LayerConfig) -> Layer:
    """Convert RandomFourierFeatures of tf.keras.layers.experimental."""
    units = config.arguments.get("output_dim", config.get("units"))

    def build_weights(arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        return _check_shapes(arrays, (1,), (input_shape[-1], units), (units,))

    part = Part("RandomFourierFeatures", {**config.options(), "units": units}, build_weights=build_weights)
    return config.layer(part, weight_names=("kernel_scale", "unscaled_kernel", "bias"))


def _check_shapes(arrays: Sequence[Array], *shapes: tuple[int | None, ...]) -> Sequence[Array]:
    for array, shape in zip(arrays, shapes, strict=False):
        check_shape(array, shape)
    return arrays
