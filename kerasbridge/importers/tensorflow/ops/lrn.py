"""LRN."""

from kerasbridge.importers.ir.ops.lrn import LRN
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("LRN")
def lrn(context: NodeContext) -> Tensor:
    """Convert LRN: alpha is not divided by the size of the window (`core/kernels/lrn_op.cc`)."""
    images, radius = context.images(), context.integer("depth_radius", 5)
    if not 0 <= radius <= 2**16:
        raise Unsupported(f"has a depth_radius of {radius}")
    bias, alpha, beta = context.number("bias", 1), context.number("alpha", 1), context.number("beta", 0.5)
    return context.emit(LRN(2 * radius + 1, bias, alpha, beta), images)
