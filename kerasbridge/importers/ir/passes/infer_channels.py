"""Infer the unknown channels of the inputs of a network from its weights."""

from dataclasses import replace

from kerasbridge.importers.ir.graph import Graph
from kerasbridge.importers.ir.ops.base import Elementwise, Operation, Shape
from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.ops.deconvolution import Deconvolution
from kerasbridge.importers.ir.ops.dense import Dense
from kerasbridge.importers.ir.ops.elementwise_merge import ElementwiseMerge
from kerasbridge.importers.ir.ops.pooling import Pooling


def infer_channels(graph: Graph) -> Graph:
    """Return the graph, with the unknown channels of each input set from the first weights that the input reaches."""
    inputs = (
        replace(entry, shape=_infer_shape(entry.name, entry.shape, graph))
        if len(entry.shape) == 4 and entry.shape[1] is None
        else entry
        for entry in graph.inputs
    )
    return replace(graph, inputs=tuple(inputs))


def _infer_shape(value: str, shape: Shape, graph: Graph) -> Shape:
    """Return the shape with the channels of the first layer with weights, following layers that keep the channels.

    If no size of the shape is known and the value reaches a dense layer, return a shape of rank 2.
    """
    for node in graph.nodes:
        if value not in node.inputs:
            continue
        operation = node.operation
        if isinstance(operation, Dense) and not any(shape):
            return (None, operation.weight.shape[1])
        channels = _input_channels(operation)
        if channels is not None:
            return (*shape[:1], channels, *shape[2:])
        if isinstance(operation, Elementwise | ElementwiseMerge | Pooling):
            value = node.outputs[0]
    return shape


def _input_channels(operation: Operation) -> int | None:
    """Return the input channels of an operation; None if its weights do not determine them."""
    if isinstance(operation, Convolution):
        return int(operation.weight.shape[1] * operation.groups)
    if isinstance(operation, Deconvolution):
        return int(operation.weight.shape[0])
    return operation.mean.size if isinstance(operation, BatchNormalization) else None
