"""Dropout."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.ir.ops.dropout import Dropout
from kerasbridge.importers.ir.unsupported import check
from kerasbridge.importers.matconvnet.ops.base import Steps, converts, number
from kerasbridge.importers.matconvnet.parser import Layer


@converts("dropout", "dagnn.DropOut")
def dropout(layer: Layer, shapes: Sequence[Shape]) -> Steps:
    """Convert dropout."""
    rate = number(layer, "rate", 0.5)
    check(0 <= rate < 1, f"has a rate of {rate:g}")
    return [Dropout(rate)]
