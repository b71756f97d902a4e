"""Sum and maximum of inputs."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge
from kerasbridge.importers.matconvnet.ops.base import Steps, converts
from kerasbridge.importers.matconvnet.parser import Layer


@converts("dagnn.Sum")
def add(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Sum."""
    return [ElementwiseMerge("sum")]


@converts("dagnn.Max")
def maximum(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dagnn.Max of mcnExtraLayers."""
    return [ElementwiseMerge("maximum")]
