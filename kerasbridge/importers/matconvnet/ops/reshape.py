"""Reshaping."""

from collections.abc import Sequence

import numpy as np

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.reshape import Reshape
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import TO_MATLAB, Steps, converts
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import numbers


@converts("dagnn.Reshape")
def reshape(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Reshape of mcnExtraLayers, to a height, width and channels; one of them may be inferred."""
    value = layer.options.get("shape")
    sizes = [numbers(item) for item in value] if isinstance(value, list) else [*numbers(value)]
    shape = [int(np.ravel(size)[0]) if np.size(size) else -1 for size in sizes]
    height, width, channels = (*shape, -1)[:3] if len(shape) > 1 else (0, 0, 0)
    check(2 <= len(shape) <= 3 and min(shape) >= -1, f"has the shape {shape}")
    return [TO_MATLAB, Reshape((0, channels, width, height)), TO_MATLAB]
