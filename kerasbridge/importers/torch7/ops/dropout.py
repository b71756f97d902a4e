"""Dropout and SpatialDropout; versions that do not scale in training scale in inference."""

from kerasbridge.importers.ir.ops.base import Operation, ShapeError
from kerasbridge.importers.ir.ops.dropout import Dropout
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_images


@converts("Dropout", keeps_channels=True)
def dropout(module: Module, info: InputInfo) -> list[Operation]:
    """Convert Dropout; the first version of nn does not scale in training."""
    rate = _rate(module)
    return [*(() if module.get("v2") else _scale(rate)), Dropout(rate)]


@converts("SpatialDropout", takes=takes_images, keeps_channels=True)
def spatial_dropout(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialDropout, which drops channels."""
    rate = _rate(module)
    if len(info.shape) != 4:
        raise ShapeError("expected images")
    return [*_scale(rate), Dropout(rate, True)]


def _rate(module: Module) -> float:
    rate = module.number("p", 0.5)
    if not 0 <= rate < 1:
        raise Unsupported(f"has a p of {rate:g}")
    return rate


def _scale(rate: float) -> list[Operation]:
    return [ScaleShift(1 - rate)] if rate else []
