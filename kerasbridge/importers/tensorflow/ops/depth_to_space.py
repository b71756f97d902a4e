"""DepthToSpace and SpaceToDepth."""

from kerasbridge.importers.ir.ops.depth_to_space import DepthToSpace, SpaceToDepth
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("DepthToSpace", "SpaceToDepth")
def depth_to_space(context: NodeContext) -> Tensor:
    """Convert both; their channels have the same order in both data formats."""
    block = context.integer("block_size", 0)
    if not 2 <= block <= 2**8:
        raise Unsupported(f"has a block_size of {block}")
    operation = DepthToSpace(block) if context.op == "DepthToSpace" else SpaceToDepth(block)
    return context.emit(operation, context.images(), order=context.image_order)
