"""The ScaleTable of waifu2x."""

from kerasbridge.importers.ir.ops.broadcast import Broadcast
from kerasbridge.importers.ir.ops.flatten import Flatten
from kerasbridge.importers.torch7.containers.base import converts, two_tensors
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("w2nn.ScaleTable")
def scale_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert ScaleTable: images, and a factor for each of their channels."""
    images, factors = two_tensors(converter, value)
    converter.report_module(module)
    rows = converter.add(module, [Flatten()], [factors], "factors")
    return converter.add(module, [Broadcast("product", 0)], [images, rows])
