"""Weights and what TensorFlow's graphs apply behind them, one node each, as the one layer that they make."""

from dataclasses import replace

import numpy as np

from kerasbridge.importers.ir.graph import Graph, Node
from kerasbridge.importers.ir.ops import Affine, Array, Convolution, Deconvolution, Dense, Operation


def fuse_affine(network: Graph) -> Graph:
    """The network with each convolution or dense layer, and the factors and biases of its channels, as one node."""
    uses, made = network.consumer_counts(), dict[str, Node]()
    for node in network.nodes:
        before = made.get(node.inputs[0])
        whole = None if before is None or uses[node.inputs[0]] > 1 else _fuse(before.operation, node.operation)
        if before is None or whole is None:
            made[node.outputs[0]] = node
            continue
        del made[before.outputs[0]]
        kinds = f"{before.type}, {node.type}" if node.type not in before.type.split(", ") else before.type
        made[node.outputs[0]] = replace(before, type=kinds, operation=whole, outputs=node.outputs)
    return replace(network, nodes=tuple(made.values()))


def _fuse(first: Operation, second: Operation) -> Operation | None:
    if not isinstance(second, Affine):
        return None
    if isinstance(first, Affine):
        return _fuse_affines(first, second)
    if not isinstance(first, Convolution | Deconvolution | Dense):
        return None
    filters = _filters(first)
    axis = first.axis if isinstance(first, Dense) else 1
    shapes = {weight.shape for weight in (second.scale, second.bias) if weight is not None}
    if second.axis != axis or shapes != {(filters,)}:
        return None
    return replace(first, weight=_scale_weight(first, second.scale), bias=_fuse_bias(first.bias, second))


def _filters(operation: Convolution | Deconvolution | Dense) -> int:
    shape = operation.weight.shape
    return int(shape[1] * operation.groups if isinstance(operation, Deconvolution) else shape[0])


def _scale_weight(operation: Convolution | Deconvolution | Dense, scale: Array | None) -> Array:
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
    weights = [one for one in (first.scale, first.bias, second.scale, second.bias) if one is not None]
    if first.axis != second.axis or len({weight.shape for weight in weights}) > 1:
        return None
    scales = [one for one in (first.scale, second.scale) if one is not None]
    scale = np.prod(scales, axis=0, dtype=np.float32) if scales else None
    return Affine(scale, _fuse_bias(first.bias, second), first.axis)
