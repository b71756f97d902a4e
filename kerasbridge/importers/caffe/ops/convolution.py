"""Convolution and Deconvolution."""

from kerasbridge.importers.caffe.ops.base import check_weights, converts, pair, with_bias
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Array, Operation
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.ops.deconvolution import Deconvolution
from kerasbridge.importers.ir.unsupported import Unsupported


@converts("Convolution", "ConvolutionDepthwise", "DepthwiseConvolution")
def convolution(layer: Layer) -> list[Operation]:
    """Convert Convolution: weights (out, in / group, height, width), not flipped."""
    weight, bias, options = _kernel(layer)
    groups = layer.options("convolution").group
    _check_filters(layer, weight.shape[0], groups)
    check_weights(bias is None or bias.size == weight.shape[0], f"expected {weight.shape[0]} biases")
    return [Convolution(weight, bias, padding=options.pop("pad"), groups=groups, **options)]  # type: ignore[arg-type]


@converts("Deconvolution")
def deconvolution(layer: Layer) -> list[Operation]:
    """Convert Deconvolution: weights (in, out / group, height, width); the padding is cropped."""
    weight, bias, options = _kernel(layer)
    groups = layer.options("convolution").group
    filters = weight.shape[1] * groups
    _check_filters(layer, filters, groups)
    check_weights(bias is None or bias.size == filters, f"expected {filters} biases")
    return [Deconvolution(weight, bias, cropping=options.pop("pad"), groups=groups, **options)]  # type: ignore[arg-type]


def _kernel(layer: Layer) -> tuple[Array, Array | None, dict[str, tuple[int, ...]]]:
    options = layer.options("convolution")
    if options.axis != 1:
        raise Unsupported(f"has channels in axis {options.axis}")
    down, right = pair(options, "pad", 0, minimum=0)
    kernel = pair(options, "kernel_size", 0, "kernel")
    stride, dilation = pair(options, "stride", 1), pair(options, "dilation", 1)
    if options.group < 1:
        raise Unsupported("has a group of 0")
    weight, bias = with_bias(layer, options.bias_term)
    check_weights(
        weight.ndim == 4 and weight.shape[2:] == kernel, f"expected kernels of {kernel}, received {weight.shape}"
    )
    return weight, bias, {"stride": stride, "dilation": dilation, "pad": (down, down, right, right)}


def _check_filters(layer: Layer, filters: int, groups: int) -> None:
    expected = layer.options("convolution").num_output
    fits = filters == expected and filters % groups == 0
    check_weights(fits, f"expected {expected} filters in {groups} groups, received {filters}")
