"""ArgMax."""

from kerasbridge.importers.ir.ops.arg_max import ArgMax
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.ops.reshape_sample import reshape_sample
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("ArgMax")
def arg_max(context: NodeContext) -> Tensor:
    """Convert ArgMax; TensorFlow does not define which of several equal maxima it returns."""
    tensor = context.tensor(0)
    axis = context.axis(1, tensor.rank)
    if axis == 0:
        raise Unsupported("has a largest sample of the batch")
    indices = context.emit(ArgMax(tensor.order[axis]), tensor)
    rest = [size for place, size in enumerate(context.symbolic_shape(indices)) if place not in (0, axis)]
    return reshape_sample(context, indices, rest, part="flat")
