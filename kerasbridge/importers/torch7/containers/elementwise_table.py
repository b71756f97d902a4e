"""Elementwise arithmetic with tables: CAddTable, CSubTable, CMulTable, CDivTable, CMaxTable and CMinTable."""

from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge
from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.torch7.containers.base import converts, tensors, two_tensors
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value

_MERGES = {
    "CAddTable": ElementwiseMerge("sum"),
    "CMaxTable": ElementwiseMerge("maximum"),
    "CMinTable": ElementwiseMerge("minimum"),
    "CMulTable": ElementwiseMerge("product"),
    "CSubTable": ElementwiseMerge("sum", (1.0, -1.0)),
}


@converts(*_MERGES)
def elementwise_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert all of them but CDivTable."""
    values = tensors(converter, value)
    converter.report_module(module)
    return converter.add(module, [_MERGES[module.kind]], values)


@converts("CDivTable")
def cdiv_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert CDivTable: the first tensor divided by the second."""
    first, second = two_tensors(converter, value)
    converter.report_module(module)
    inverse = converter.add(module, [Power(-1.0)], [second], "inverse")
    return converter.add(module, [ElementwiseMerge("product")], [first, inverse])
