"""Pooling, padding and resizing of images."""

from collections.abc import Callable
from typing import Any

from kerasbridge.importers.ir.ops import ConstantPad, DepthToSpace, Padding, Pooling, Resize, SpaceToDepth, Upsample
from kerasbridge.importers.ir.ops.pooling import Kind
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.ops.nn import padding
from kerasbridge.importers.tensorflow.symbolic_values import SymbolicDim, Tensor


def pooling(call: NodeContext, kind: Kind) -> Tensor:
    """MaxPool, AvgPool: what "SAME" adds never counts."""
    images = call.images()
    same, sides = padding(call)
    window, stride = call.spatial_pair("ksize"), call.spatial_pair("strides")
    operation = Pooling(kind, window, stride, sides, count_padding=False, same=same)
    return call.emit(operation, images, order=call.image_order)


def max_pool(call: NodeContext) -> Tensor:
    """MaxPool."""
    return pooling(call, "max")


def avg_pool(call: NodeContext) -> Tensor:
    """AvgPool."""
    return pooling(call, "average")


def pad(call: NodeContext) -> Tensor:
    """Pad, PadV2: zeros, or another number, around images, or before and behind the numbers of any axis."""
    tensor, sides = call.tensor(), _paddings(call)
    number = float(call.constant(2).reshape(-1)[0]) if len(call.inputs) > 2 else 0.0
    if tensor.rank == 4 and not number:
        images, around = _spatial_padding(call, tensor, sides)
        if around is not None:
            return call.emit(Padding(around), images)
    for axis, widths in enumerate(sides):
        if any(widths):
            tensor = call.emit(ConstantPad(tensor.order[axis], widths, number), tensor, part=f"axis_{axis}")
    return tensor


def mirror_pad(call: NodeContext) -> Tensor:
    """MirrorPad of images, without the outermost row once more."""
    images, around = _spatial_padding(call, call.tensor(), _paddings(call))
    if around is None or call.text("mode") != "REFLECT":
        raise Unsupported("has a padding that mirrors other axes than height and width, or the outermost row too")
    return call.emit(Padding(around, "reflection"), images)


def _paddings(call: NodeContext) -> list[tuple[int, int]]:
    found = call.constant_ints(1)
    if len(found) != 2 * call.tensor().rank or not 0 <= min(found) <= max(found) <= 2**16 or any(found[:2]):
        raise Unsupported(f"has a padding of {found}")
    return list(zip(found[::2], found[1::2], strict=True))


def _spatial_padding(call: NodeContext, tensor: Tensor, sides: list[tuple[int, int]]) -> tuple[Tensor, Any]:
    """The images, and what is laid around them, None where it is not height and width alone."""
    if tensor.rank != 4:
        return tensor, None
    images = tensor if tensor.order == (0, 1, 2, 3) and not any(sides[1]) else call.with_order(tensor, CHANNELS_LAST)
    by_axis = {images.order[axis]: widths for axis, widths in enumerate(sides)}
    return images, None if any(by_axis[1]) else (*by_axis[2], *by_axis[3])


def resize(call: NodeContext) -> Tensor:
    """ResizeBilinear, ResizeNearestNeighbor (`core/kernels/image/resize_bilinear_op.cc`, image_resizer_state.h)."""
    images = call.with_order(call.tensor(), CHANNELS_LAST)
    if images.rank != 4:
        raise Unsupported(f"has an input of {images.rank} dimensions, where images have 4")
    sizes = call.constant_dims(1)
    factors = [_factor(call, images, axis, size) for axis, size in enumerate(sizes)]
    centred, corners = call.flag("half_pixel_centers"), call.flag("align_corners")
    kind: Any = "nearest" if call.node.op == "ResizeNearestNeighbor" else "bilinear"
    if kind == "nearest" and None not in factors and not corners:
        return call.emit(Upsample((factors[0], factors[1])), images)  # type: ignore[arg-type]
    if any(isinstance(size, SymbolicDim) for size in sizes):
        if None in factors:
            raise Unsupported("has a size that depends on other things than the size of its input")
        return call.emit(Resize(kind, None, (factors[0], factors[1]), centred, corners), images)  # type: ignore[arg-type]
    if not all(0 < size <= 2**16 for size in sizes):
        raise Unsupported(f"has a size of {sizes}")
    return call.emit(Resize(kind, (sizes[0], sizes[1]), None, centred, corners), images)


def _factor(call: NodeContext, images: Tensor, axis: int, size: Any) -> int | None:
    """Return the integer factor by which an axis grows; None if it is not an integer."""
    there = call.symbolic_shape(images)[1 + axis]
    if isinstance(there, SymbolicDim) or isinstance(size, SymbolicDim):
        same = isinstance(size, SymbolicDim) and isinstance(there, SymbolicDim) and size.name == there.name
        return size.factor if same and not size.offset and size.factor > 0 else None
    return int(size) // there if size % there == 0 else None


def depth_space(call: NodeContext) -> Tensor:
    """DepthToSpace, SpaceToDepth, whose channels have the same order in both data formats."""
    kind: Any = DepthToSpace if call.node.op == "DepthToSpace" else SpaceToDepth
    block = call.integer("block_size", 0)
    if not 2 <= block <= 2**8:
        raise Unsupported(f"has a block_size of {block}")
    return call.emit(kind(block), call.images(), order=call.image_order)


IMAGING: dict[str, Callable[[NodeContext], Any]] = {
    "AvgPool": avg_pool,
    "DepthToSpace": depth_space,
    "MaxPool": max_pool,
    "MirrorPad": mirror_pad,
    "Pad": pad,
    "PadV2": pad,
    "ResizeBilinear": resize,
    "ResizeNearestNeighbor": resize,
    "SpaceToDepth": depth_space,
}
"""By the name of an operation what it is in the network."""
