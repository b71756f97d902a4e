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
    said = layer.options.get("shape")
    sizes = [numbers(one) for one in said] if isinstance(said, list) else [*numbers(said)]
    whole = [int(np.ravel(one)[0]) if np.size(one) else -1 for one in sizes]
    height, width, channels = (*whole, -1)[:3] if len(whole) > 1 else (0, 0, 0)
    check(2 <= len(whole) <= 3 and min(whole) >= -1, f"has the shape {whole}")
    return [TO_MATLAB, Reshape((0, channels, width, height)), TO_MATLAB]
