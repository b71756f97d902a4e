"""ConcatTable."""

from kerasbridge.importers.torch7.containers.base import converts
from kerasbridge.importers.torch7.infer_inputs import infer_branches
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("ConcatTable", takes=infer_branches)
def concat_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert ConcatTable: the table of the results of all its modules for the same input."""
    return [converter.convert(part, value) for part in module.parts()]
