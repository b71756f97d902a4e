"""JoinTable."""

from kerasbridge.importers.ir.ops.concatenate import Concatenate
from kerasbridge.importers.torch7.containers.base import converts, tensors
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("JoinTable")
def join_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert JoinTable: concatenate the tensors of a table."""
    values = tensors(converter, value)
    axis = converter.input_info(values[0]).axis(module.dimension(), module.rank())
    converter.report_module(module)
    return converter.add(module, [Concatenate(axis)], values)
