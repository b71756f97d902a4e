"""Concat and DepthConcat."""

from kerasbridge.importers.ir.ops.concatenate import Concatenate
from kerasbridge.importers.ir.ops.depth_concat import DepthConcat
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.containers.base import converts, tensors
from kerasbridge.importers.torch7.containers.concat_table import concat_table
from kerasbridge.importers.torch7.infer_inputs import infer_branches
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.to_graph import ModuleConverter, Value


@converts("Concat", takes=infer_branches)
def concat(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert Concat: concatenate the results of all its modules for the same input."""
    values = tensors(converter, concat_table(converter, module, value))
    converter.report_module(module)
    return converter.add(module, [Concatenate(converter.input_info(values[0]).axis(module.dimension()))], values)


@converts("DepthConcat", takes=infer_branches)
def depth_concat(converter: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert DepthConcat: concatenate along the channels, with zeros around smaller images."""
    values = tensors(converter, concat_table(converter, module, value))
    if converter.input_info(values[0]).axis(module.dimension()) != 1:
        raise Unsupported("has a dimension that is not that of the channels")
    converter.report_module(module)
    return converter.add(module, [DepthConcat()], values)
