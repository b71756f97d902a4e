"""SpatialUpSamplingNearest."""

from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.upsample import Upsample
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts, takes_images


@converts("SpatialUpSamplingNearest", takes=takes_images, keeps_channels=True)
def upsampling(module: Module, info: InputInfo) -> list[Operation]:
    """Convert SpatialUpSamplingNearest."""
    factor = module.integer("scale_factor")
    return [Upsample((factor, factor))]
