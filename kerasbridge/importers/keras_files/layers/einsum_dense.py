"""EinsumDense."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import KERNEL_ARGUMENTS, LayerConfig, check_shape, converts


@converts("EinsumDense")
def einsum_dense(config: LayerConfig) -> Layer:
    """Convert EinsumDense; the axes of its input and output determine the shape of its kernel."""
    names = [name for name in KERNEL_ARGUMENTS if name != "use_bias"]
    options = config.options("equation", "output_shape", "bias_axes", *names)
    inputs, output_axes = options["equation"].split("->")
    input_axes, kernel_axes = inputs.split(",")
    output_shape = options["output_shape"]
    output_shape = output_shape if isinstance(output_shape, list | tuple) else [output_shape]

    def build_weights(arrays: Sequence[Array], input_shape: Shape) -> Sequence[Array]:
        sizes = {
            axis: size
            for axes, shape in ((output_axes, output_shape), (input_axes, input_shape))
            for axis, size in zip(axes[::-1], shape[::-1], strict=False)
            if size
        }
        check_shape(arrays[0], tuple(sizes.get(axis) for axis in kernel_axes))
        return arrays

    weight_names = ("kernel", "bias") if config.get("bias_axes") else ("kernel",)
    return config.layer(Part("EinsumDense", options, build_weights=build_weights), weight_names=weight_names)
