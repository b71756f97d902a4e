"""Sequential."""

from kerasbridge.importers.torch7.containers.base import converts
from kerasbridge.importers.torch7.infer_inputs import infer_sequence
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("Sequential", "SpatialLPPooling", takes=lambda module, visited: infer_sequence(module.parts(), visited))
def sequential(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert Sequential, and SpatialLPPooling, which is a Sequential of a power, a pooling and a root."""
    for part in module.parts():
        value = converter.convert(part, value)
    return value
