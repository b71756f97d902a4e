"""Cropping to the size of another input."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.crop_like import CropLike
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, integers
from kerasbridge.importers.matconvnet.parser import Layer


@converts("dagnn.Crop")
def crop(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Crop, to the height and width of the second input; offsets that are too large are reduced."""
    offsets = integers(layer, "crop", 0)
    check(len(offsets) <= 2 and len(layer.inputs) == 2, f"has {len(offsets)} offsets and {len(layer.inputs)} inputs")
    return [CropLike(2, (offsets[0], offsets[-1]), clamped=True)]
