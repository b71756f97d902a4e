"""ResizeBilinear and ResizeNearestNeighbor (`core/kernels/image/resize_bilinear_op.cc`, image_resizer_state.h)."""

from typing import Any

from kerasbridge.importers.ir.ops.resize import Resize
from kerasbridge.importers.ir.ops.upsample import Upsample
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.ops.base import converts
from kerasbridge.importers.tensorflow.symbolic_values import SymbolicDim, Tensor


@converts("ResizeBilinear", "ResizeNearestNeighbor")
def resize(context: NodeContext) -> Tensor:
    """Convert a resizing: to a size, or by factors."""
    images = context.with_order(context.tensor(), CHANNELS_LAST)
    if images.rank != 4:
        raise Unsupported(f"has an input of {images.rank} dimensions, where images have 4")
    sizes = context.constant_dims(1)
    factors = [_factor(context, images, axis, size) for axis, size in enumerate(sizes)]
    centred, corners = context.flag("half_pixel_centers"), context.flag("align_corners")
    kind: Any = "nearest" if context.op == "ResizeNearestNeighbor" else "bilinear"
    if kind == "nearest" and None not in factors and not corners:
        return context.emit(Upsample((factors[0], factors[1])), images)  # type: ignore[arg-type]
    if any(isinstance(size, SymbolicDim) for size in sizes):
        if None in factors:
            raise Unsupported("has a size that depends on other things than the size of its input")
        return context.emit(Resize(kind, None, (factors[0], factors[1]), centred, corners), images)  # type: ignore[arg-type]
    if not all(0 < size <= 2**16 for size in sizes):
        raise Unsupported(f"has a size of {sizes}")
    return context.emit(Resize(kind, (sizes[0], sizes[1]), None, centred, corners), images)


def _factor(context: NodeContext, images: Tensor, axis: int, size: Any) -> int | None:
    """Return the integer factor by which an axis grows; None if it is not an integer."""
    before = context.symbolic_shape(images)[1 + axis]
    if isinstance(before, SymbolicDim) or isinstance(size, SymbolicDim):
        same = isinstance(size, SymbolicDim) and isinstance(before, SymbolicDim) and size.name == before.name
        return size.factor if same and not size.offset and size.factor > 0 else None
    return int(size) // before if size % before == 0 else None
