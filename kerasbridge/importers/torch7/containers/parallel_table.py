"""ParallelTable and MapTable."""

from kerasbridge.importers.torch7.containers.base import converts, mismatch, table
from kerasbridge.importers.torch7.containers.decorator import decorator
from kerasbridge.importers.torch7.infer_inputs import infer_input
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("ParallelTable", takes=lambda module, visited: [infer_input(part, visited) for part in module.parts()])
def parallel_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert ParallelTable: each module takes one value of a table."""
    parts, values = module.parts(), table(converter, value)
    if len(values) < len(parts):
        return mismatch(converter, value, f"{len(parts)} modules take a table of as many, received {len(values)}")
    return [converter.convert(part, one) for part, one in zip(parts, values, strict=False)]


@converts("MapTable")
def map_table(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert MapTable: one module for all values of a table."""
    return [decorator(converter, module, one) for one in table(converter, value)]
