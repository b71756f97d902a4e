"""View and Reshape."""

import math

from kerasbridge.importers.ir.ops.base import Operation, Shape, ShapeError
from kerasbridge.importers.ir.ops.flatten import Flatten
from kerasbridge.importers.ir.ops.reshape import Reshape
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


def _takes(module: Module) -> Shape | None:
    """Return the input shape of a flattening: square images in grey or colour if the size allows, else rows."""
    sizes = [size for size in module.list("size") if size != -1]
    count = math.prod(sizes)
    if len(sizes) < len(module.list("size")) or count < 1:
        return None
    for channels in (1, 3) if len(sizes) == 1 else ():
        side = math.isqrt(count // channels)
        if channels * side * side == count:
            return (None, channels, side, side)
    return (None, count)


@converts("View", takes=_takes)
def view(module: Module, info: InputInfo) -> list[Operation]:
    """Convert View: sizes of a sample; a leading -1 may be the batch, if the other sizes are those of a sample."""
    sizes, rank = module.list("size"), module.rank("numInputDims")
    if rank is not None and info.batched and len(info.shape) - 1 > rank:
        raise ShapeError(f"it would join the batch with others than the last {rank} dimensions")
    if info.batched and rank is None and sizes[0] == -1 and len(sizes) > 1 and _is_sample_size(sizes[1:], info):
        sizes = sizes[1:]
    return _reshape(sizes)


@converts("Reshape", takes=_takes)
def reshape(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Reshape: sizes of a sample; `batchMode` is ignored."""
    return _reshape(module.list("size"))


def _is_sample_size(sizes: list[int], info: InputInfo) -> bool:
    known = info.shape[1:]
    return None in known or math.prod(size for size in known if size is not None) == math.prod(sizes)


def _reshape(sizes: list[int]) -> list[Operation]:
    if any(size < 1 and size != -1 for size in sizes):
        raise Unsupported(f"has sizes {sizes}")
    return [Flatten() if sizes == [-1] else Reshape((0, *sizes))]
