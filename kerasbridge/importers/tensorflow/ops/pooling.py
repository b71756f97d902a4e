"""MaxPool and AvgPool."""

from kerasbridge.importers.ir.ops.pooling import Kind, Pooling
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, padding_option
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("MaxPool", "AvgPool")
def pooling(context: NodeContext) -> Tensor:
    """Convert pooling; padding is not counted."""
    images = context.images()
    same, sides = padding_option(context)
    window, stride = context.spatial_pair("ksize"), context.spatial_pair("strides")
    kind: Kind = "max" if context.op == "MaxPool" else "average"
    operation = Pooling(kind, window, stride, sides, count_padding=False, same=same)
    return context.emit(operation, images, order=context.image_order)
