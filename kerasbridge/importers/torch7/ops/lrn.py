"""SpatialCrossMapLRN."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.lrn import LRN
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_images


@converts("SpatialCrossMapLRN", "SpatialCrossResponseNormalization", takes=takes_images, keeps_channels=True)
def lrn(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialCrossMapLRN, and that of inn: alpha is divided by the size of the window."""
    size = module.integer("size", 5)
    if size % 2 == 0:
        raise Unsupported(f"has a size of {size}")
    k = module.number("K") if module.get("K") is not None else module.number("k", 1)
    alpha, beta = module.number("alpha", 1e-4), module.number("beta", 0.75)
    return [LRN(size, k, alpha / size, beta)]
