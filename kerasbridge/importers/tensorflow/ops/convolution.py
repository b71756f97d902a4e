"""Conv2D and DepthwiseConv2dNative."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.base import Array
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, padding_option
from kerasbridge.importers.tensorflow.ops.space_to_batch import convolve_blocks
from kerasbridge.importers.tensorflow.symbolic_values import SpaceToBatch, Tensor


@converts("Conv2D")
def convolution(context: NodeContext) -> Any:
    """Convert Conv2D: weights (height, width, in / groups, out)."""
    kernel = context.weights(1, 4).transpose(3, 2, 0, 1)
    if isinstance(context.inputs[0], SpaceToBatch):
        return convolve_blocks(context, kernel, 1)
    images = context.images()
    channels = images.shape[1] or kernel.shape[1]
    if channels % kernel.shape[1]:
        raise Unsupported(f"has weights for {kernel.shape[1]} channels, where there are {channels}")
    return _convolve(context, images, kernel, channels // kernel.shape[1])


@converts("DepthwiseConv2dNative")
def depthwise_convolution(context: NodeContext) -> Any:
    """Convert DepthwiseConv2dNative: weights (height, width, in, out / in)."""
    weights = context.weights(1, 4)
    kernel = weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])
    if isinstance(context.inputs[0], SpaceToBatch):
        return convolve_blocks(context, kernel, weights.shape[2])
    return _convolve(context, context.images(), kernel, weights.shape[2])


def _convolve(context: NodeContext, images: Tensor, kernel: Array, groups: int) -> Tensor:
    stride, dilation = context.spatial_pair("strides"), context.spatial_pair("dilations")
    same, sides = padding_option(context)
    operation = Convolution(np.ascontiguousarray(kernel), None, stride, sides, dilation, groups, same)
    return context.emit(operation, images, order=context.image_order)
