"""SoftMax, LogSoftMax and SoftMin, also of images."""

from kerasbridge.importers.ir.ops.base import Operation, ShapeError
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.ops.softmax import Softmax
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_images


@converts("SoftMax", "LogSoftMax", "SoftMin")
@converts("SpatialSoftMax", "SpatialLogSoftMax", takes=takes_images, keeps_channels=True)
def softmax(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SoftMax and its variants; the axis follows from the number of dimensions."""
    if module.type in ("cudnn.SoftMax", "cudnn.LogSoftMax") and info.rank > 2:
        raise Unsupported("has one sum for all of an image")
    if not 1 <= info.rank <= 4:
        raise ShapeError("expected one to four dimensions")
    axis = info.axis(1 if info.rank in (1, 3) else 2)
    negated: list[Operation] = [ScaleShift(-1.0)] if module.kind == "SoftMin" else []
    return [*negated, Softmax(axis, "Log" in module.kind)]
