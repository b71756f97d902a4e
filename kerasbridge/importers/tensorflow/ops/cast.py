"""Cast."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("Cast")
def cast(context: NodeContext) -> Tensor:
    """Convert a Cast that does not round; inputs of the model are integers already."""
    tensor = context.tensor()
    before, after = context.dtype("SrcT"), context.dtype("DstT")
    is_input = any(entry.name == tensor.name for entry in context.state.inputs)
    if before in tensors.FLOATS and after not in tensors.FLOATS and not is_input:
        raise Unsupported("has numbers that are rounded")
    if after == tensors.BOOL:
        raise Unsupported("has numbers that become yes or no")
    return tensor


@folds("Cast")
def fold_cast(context: NodeContext) -> Constant:
    """Fold Cast; bfloat16 keeps the type of the array."""
    array, dtype = context.constant(0), tensors.DTYPES.get(context.dtype("DstT"))
    if dtype is None or array.dtype == object or context.dtype("DstT") == tensors.BFLOAT16:
        return array
    return array.astype(dtype)
