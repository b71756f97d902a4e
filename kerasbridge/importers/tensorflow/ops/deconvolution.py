"""Conv2DBackpropInput."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.deconvolution import Deconvolution
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, padding_option
from kerasbridge.importers.tensorflow.symbolic_values import SymbolicDim, Tensor

MAX_ZEROS = 64
"""The maximum number of zero rows added to a kernel, for a stride that is larger than the kernel."""


@converts("Conv2DBackpropInput")
def deconvolution(context: NodeContext) -> Tensor:
    """Convert Conv2DBackpropInput: weights (height, width, out, in); the size of the result is an input."""
    kernel = context.weights(1, 4).transpose(3, 2, 0, 1)
    images = context.with_order(context.tensor(2), context.image_order)
    stride, dilation = context.spatial_pair("strides"), context.spatial_pair("dilations")
    same, sides = padding_option(context)
    wanted = dict(zip(context.image_order, context.constant_dims(0), strict=True))
    crops: list[int] = []
    for axis in (0, 1):
        size = context.symbolic_shape(images)[context.image_order.index(2 + axis)]
        if dilation[axis] == 1:
            zeros = _missing_rows(size, wanted[2 + axis], kernel.shape[2 + axis], stride[axis])
            kernel = np.pad(kernel, [(0, zeros if place == 2 + axis else 0) for place in range(4)])
        options = kernel.shape[2 + axis], stride[axis], dilation[axis], same, sides[2 * axis]
        crops += _crops(size, wanted[2 + axis], *options)
    operation = Deconvolution(kernel, None, stride, tuple(crops), dilation)  # type: ignore[arg-type]
    return context.emit(operation, images, order=context.image_order)


def _full_size(size: Any, kernel: int, stride: int, rate: int) -> Any:
    """Return the number of rows before cropping."""
    return (size - 1) * stride + rate * (kernel - 1) + 1


def _missing_rows(size: Any, wanted: Any, kernel: int, stride: int) -> int:
    """Return the number of zero rows to add after those that the kernel reaches."""
    zeros = wanted - _full_size(size, kernel, stride, 1)
    if isinstance(zeros, SymbolicDim):
        zeros = max(stride - kernel, 0)
    if zeros > MAX_ZEROS:
        raise Unsupported(f"has a stride of {stride} with a kernel of {kernel}")
    return int(zeros) if 0 < zeros < stride else 0


def _crops(size: Any, wanted: Any, kernel: int, stride: int, rate: int, same: bool, before: int) -> list[int]:
    """Return the rows to crop before and after; for unknown sizes, as many as leave `stride` times the input."""
    total = _full_size(size, kernel, stride, rate) - wanted
    if isinstance(total, SymbolicDim):
        total = rate * (kernel - 1) + 1 - stride if same else 0
    if not 0 <= total <= 2**16:
        raise Unsupported(f"has an output of {wanted} rows or columns, which its input does not give")
    first = total // 2 if same else before
    return [int(first), int(total - first)]
