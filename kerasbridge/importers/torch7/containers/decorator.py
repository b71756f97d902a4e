"""Containers of one module, which compute the same as that module."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.containers.base import converts
from kerasbridge.importers.torch7.infer_inputs import infer_sequence
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("NoBackprop")
@converts(
    "DataParallel",
    "DataParallelTable",
    "Decorator",
    "DontCast",
    "GPU",
    "Inception",
    "Profile",
    takes=lambda module, visited: infer_sequence(module.parts()[:1], visited),
)
def decorator(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert the first module; those of DataParallelTable after it are copies for other devices."""
    parts = module.parts()
    if not parts:
        raise Unsupported("has no module in it")
    return converter.convert(Module(parts[0].object, f"{module.place}[1]"), value)
