"""Bottle."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.containers.base import converts
from kerasbridge.importers.torch7.containers.decorator import decorator
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("Bottle")
def bottle(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert Bottle for an input with as many dimensions as its module takes."""
    if converter.input_info(value).rank != module.integer("nInputDim", 2):
        raise Unsupported("has more dimensions before those of its module")
    return decorator(converter, module, value)
