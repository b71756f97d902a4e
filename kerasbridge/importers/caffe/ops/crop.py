"""Crop."""

from kerasbridge.importers.caffe.ops.base import converts
from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.crop_like import CropLike


@converts("Crop")
def crop(layer: Layer) -> list[Operation]:
    """Convert Crop."""
    options = layer.options("crop")
    return [CropLike(options.axis, tuple(options.offset))]
