"""SpaceToBatchND and BatchToSpaceND, between which a convolution is dilated."""

from dataclasses import replace
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.base import Array
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import SpaceToBatch, SymbolicDim, Tensor


@converts("SpaceToBatchND")
def space_to_batch(context: NodeContext) -> SpaceToBatch:
    """Convert SpaceToBatchND: the beginning of a dilated convolution."""
    images = context.tensor()
    rates, sides = context.constant_ints(1), context.constant_dims(2)
    if images.rank != 4 or len(rates) != 2 or len(sides) != 4 or min(rates) < 1:
        raise Unsupported("has blocks that are not of height and width")
    return SpaceToBatch(
        context.with_order(images, CHANNELS_LAST), (rates[0], rates[1]), (sides[0], sides[2]), (sides[1], sides[3])
    )


def convolve_blocks(context: NodeContext, kernel: Array, groups: int) -> SpaceToBatch:
    """Apply a convolution between SpaceToBatchND and BatchToSpaceND, which is added to the graph by the latter."""
    blocks: SpaceToBatch = context.inputs[0]
    plain = context.text("padding") == "VALID" and context.spatial_pair("strides") == (1, 1)
    if not plain or blocks.kernel is not None or context.image_order != CHANNELS_LAST:
        raise Unsupported("has a stride or padding between SpaceToBatchND and BatchToSpaceND")
    groups = (blocks.tensor.shape[1] or 1) // kernel.shape[1] if groups == 1 else groups
    return replace(blocks, kernel=np.ascontiguousarray(kernel), groups=groups, convolution=context)


@converts("BatchToSpaceND")
def batch_to_space(context: NodeContext) -> Tensor:
    """Convert BatchToSpaceND: the end of a dilated convolution."""
    blocks = context.inputs[0]
    if not isinstance(blocks, SpaceToBatch) or blocks.kernel is None or tuple(context.constant_ints(1)) != blocks.rates:
        raise Unsupported("has no convolution and SpaceToBatchND before it")
    cuts = context.constant_dims(2)
    sides: list[int] = []
    for axis, rate in enumerate(blocks.rates):
        total = rate * (blocks.kernel.shape[2 + axis] - 1)
        sides += _dilated_padding(blocks.before[axis], blocks.after[axis], cuts[2 * axis : 2 * axis + 2], total)
    operation = Convolution(blocks.kernel, None, padding=tuple(sides), dilation=blocks.rates, groups=blocks.groups)  # type: ignore[arg-type]
    result: Tensor = blocks.convolution.emit(operation, blocks.tensor, order=CHANNELS_LAST)
    return result


def _dilated_padding(before: Any, after: Any, cut: list[Any], total: int) -> tuple[int, int]:
    """Return the padding without the part that only fills blocks; for unknown sizes, that of "SAME" or "VALID"."""
    if isinstance(before, SymbolicDim) or isinstance(cut[0], SymbolicDim) or cut[0]:
        raise Unsupported("has rows that are cut off before the first")
    if isinstance(after, SymbolicDim) or isinstance(cut[1], SymbolicDim):
        if before not in (0, total // 2):
            raise Unsupported("has padding that is neither SAME nor VALID")
        return (before, total - before) if before else (0, 0)
    if not 0 <= before <= 2**16 or not 0 <= after - cut[1] <= 2**16:
        raise Unsupported("has a padding below 0")
    return before, after - cut[1]
