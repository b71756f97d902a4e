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
def concat(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert Concat: concatenate the results of all its modules for the same input."""
    values = tensors(graph, concat_table(graph, module, value))
    graph.note(module)
    return graph.add(module, [Concatenate(graph.input_info(values[0]).axis(module.dimension()))], values)


@converts("DepthConcat", takes=infer_branches)
def depth_concat(graph: ModuleConverter, module: Module, value: Value) -> Value:
    """Convert DepthConcat: concatenate along the channels, with zeros around smaller images."""
    values = tensors(graph, concat_table(graph, module, value))
    if graph.input_info(values[0]).axis(module.dimension()) != 1:
        raise Unsupported("has a dimension that is not that of the channels")
    graph.note(module)
    return graph.add(module, [DepthConcat()], values)
