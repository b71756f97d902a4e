"""Fuse weights with the factors and biases that TensorFlow graphs apply after them in separate nodes."""

from dataclasses import replace

import numpy as np

from kerasbridge.importers.ir.graph import Graph, Node
from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Array, Operation
from kerasbridge.importers.ir.ops.convolution import Convolution
from kerasbridge.importers.ir.ops.deconvolution import Deconvolution
from kerasbridge.importers.ir.ops.dense import Dense

Weighted = Convolution | Deconvolution | Dense


def fuse_affine(graph: Graph) -> Graph:
    """Fuse each convolution or dense layer, and the factors and biases of its channels, into one node."""
    uses, producers = graph.consumer_counts(), dict[str, Node]()
    for node in graph.nodes:
        before = producers.get(node.inputs[0])
        fused = None if before is None or uses[node.inputs[0]] > 1 else _fuse(before.operation, node.operation)
        if before is None or fused is None:
            producers[node.outputs[0]] = node
            continue
        del producers[before.outputs[0]]
        types = f"{before.type}, {node.type}" if node.type not in before.type.split(", ") else before.type
        producers[node.outputs[0]] = replace(before, type=types, operation=fused, outputs=node.outputs)
    return replace(graph, nodes=tuple(producers.values()))


def _fuse(first: Operation, second: Operation) -> Operation | None:
    """Return one operation that computes the same as two; None if they cannot be fused."""
    if not isinstance(second, Affine):
        return None
    if isinstance(first, Affine):
        return _fuse_affines(first, second)
    if not isinstance(first, Weighted):
        return None
    axis = first.axis if isinstance(first, Dense) else 1
    shapes = {weight.shape for weight in (second.scale, second.bias) if weight is not None}
    if second.axis != axis or shapes != {(_filters(first),)}:
        return None
    return replace(first, weight=_scale_weight(first, second.scale), bias=_fuse_bias(first.bias, second))


def _filters(operation: Weighted) -> int:
    shape = operation.weight.shape
    return int(shape[1] * operation.groups if isinstance(operation, Deconvolution) else shape[0])


def _scale_weight(operation: Weighted, scale: Array | None) -> Array:
    if scale is None:
        return operation.weight
    if isinstance(operation, Deconvolution):
        return (operation.weight * scale.reshape(1, -1, 1, 1)).astype(np.float32)
    return (operation.weight * scale.reshape(-1, *(1,) * (operation.weight.ndim - 1))).astype(np.float32)


def _fuse_bias(bias: Array | None, second: Affine) -> Array | None:
    if bias is None:
        return second.bias
    scaled = bias if second.scale is None else bias * second.scale
    return scaled if second.bias is None else scaled + second.bias


def _fuse_affines(first: Affine, second: Affine) -> Affine | None:
    weights = [weight for weight in (first.scale, first.bias, second.scale, second.bias) if weight is not None]
    if first.axis != second.axis or len({weight.shape for weight in weights}) > 1:
        return None
    scales = [scale for scale in (first.scale, second.scale) if scale is not None]
    scale = np.prod(scales, axis=0, dtype=np.float32) if scales else None
    return Affine(scale, _fuse_bias(first.bias, second), first.axis)
