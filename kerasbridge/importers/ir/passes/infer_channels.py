"""Infer the unknown channels of the inputs of a network from its weights."""

from dataclasses import replace

from kerasbridge.importers.ir.graph import Graph, Input
from kerasbridge.importers.ir.ops import (
    BatchNormalization,
    Convolution,
    Deconvolution,
    Dense,
    Elementwise,
    ElementwiseMerge,
    Operation,
    Pooling,
    Shape,
)


def infer_channels(network: Graph) -> Graph:
    """Return the network, with the unknown channels of each input set from the first weights that the input reaches."""
    return replace(network, inputs=tuple(_known(entry, network) for entry in network.inputs))


def _known(entry: Input, network: Graph) -> Input:
    if len(entry.shape) == 4 and entry.shape[1] is None:
        return replace(entry, shape=_as_taken(entry.name, entry.shape, network))
    return entry


def _as_taken(value: str, shape: Shape, network: Graph) -> Shape:
    """Return the shape with the channels of the first layer with weights, following layers that keep the channels.

    If no size of the shape is known and the value reaches a dense layer, return a shape of rank 2.
    """
    for node in network.nodes:
        if value not in node.inputs:
            continue
        operation = node.operation
        if isinstance(operation, Dense) and not any(shape):
            return (None, operation.weight.shape[1])
        channels = _channels_of(operation)
        if channels is not None:
            return (*shape[:1], channels, *shape[2:])
        if isinstance(operation, Elementwise | ElementwiseMerge | Pooling):
            value = node.outputs[0]
    return shape


def _channels_of(operation: Operation) -> int | None:
    """Return the input channels of an operation; None if its weights do not determine them."""
    if isinstance(operation, Convolution):
        return int(operation.weight.shape[1] * operation.groups)
    if isinstance(operation, Deconvolution):
        return int(operation.weight.shape[0])
    return operation.mean.size if isinstance(operation, BatchNormalization) else None
