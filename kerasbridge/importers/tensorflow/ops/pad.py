"""Pad, PadV2 and MirrorPad."""

from typing import Any

from kerasbridge.importers.ir.ops.constant_pad import ConstantPad
from kerasbridge.importers.ir.ops.padding import Padding
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


@converts("Pad", "PadV2")
def pad(context: NodeContext) -> Tensor:
    """Convert Pad: zeros around images, or another number, or other axes."""
    tensor, sides = context.tensor(), _paddings(context)
    number = float(context.constant(2).reshape(-1)[0]) if len(context.inputs) > 2 else 0.0
    if tensor.rank == 4 and not number:
        images, around = _spatial_padding(context, tensor, sides)
        if around is not None:
            return context.emit(Padding(around), images)
    for axis, widths in enumerate(sides):
        if any(widths):
            tensor = context.emit(ConstantPad(tensor.order[axis], widths, number), tensor, part=f"axis_{axis}")
    return tensor


@converts("MirrorPad")
def mirror_pad(context: NodeContext) -> Tensor:
    """Convert MirrorPad of images that does not repeat the outermost row."""
    images, around = _spatial_padding(context, context.tensor(), _paddings(context))
    if around is None or context.text("mode") != "REFLECT":
        raise Unsupported("has a padding that mirrors other axes than height and width, or the outermost row too")
    return context.emit(Padding(around, "reflection"), images)


def _paddings(context: NodeContext) -> list[tuple[int, int]]:
    widths = context.constant_ints(1)
    if len(widths) != 2 * context.tensor().rank or not 0 <= min(widths) <= max(widths) <= 2**16 or any(widths[:2]):
        raise Unsupported(f"has a padding of {widths}")
    return list(zip(widths[::2], widths[1::2], strict=True))


def _spatial_padding(context: NodeContext, tensor: Tensor, sides: list[tuple[int, int]]) -> tuple[Tensor, Any]:
    """Return the images, and the padding of height and width; None if other axes are padded."""
    if tensor.rank != 4:
        return tensor, None
    images = tensor if tensor.order == (0, 1, 2, 3) and not any(sides[1]) else context.with_order(tensor, CHANNELS_LAST)
    by_axis = {images.order[axis]: widths for axis, widths in enumerate(sides)}
    return images, None if any(by_axis[1]) else (*by_axis[2], *by_axis[3])
