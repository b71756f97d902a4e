"""Sum, Mean, Max and Min."""

from kerasbridge.importers.ir.ops.axis_reduction import AxisReduction
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.squeeze import Unsqueeze
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops.base import InputInfo, converts


@converts("Sum", "Mean", "Max", "Min")
def reduction(module: Module, info: InputInfo) -> list[Operation]:
    """Convert a reduction along a dimension, which is removed unless `squeeze` is false."""
    axis = info.axis(module.dimension(default=1), module.rank())
    mean = module.kind == "Mean" or bool(module.get("sizeAverage"))
    kind = {"Max": "maximum", "Min": "minimum"}.get(module.kind, "mean" if mean else "sum")
    keep: list[Operation] = [Unsqueeze(axis)] if module.get("squeeze") is False else []
    return [AxisReduction(kind, axis), *keep]  # type: ignore[arg-type]
