"""Fuse batch normalization with the affine layer after it."""

from dataclasses import replace

from kerasbridge.importers.ir.graph import Graph, Node
from kerasbridge.importers.ir.ops.affine import Affine
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.ir.ops.batch_normalization import BatchNormalization


def fuse(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """Fuse each batch normalization and the per-channel `Affine` after it into one node.

    Returns:
        The graph, and a dict from the name of each removed node to the name of the node that it was fused into.
    """
    uses, producers = graph.consumer_counts(), {name: node for node in graph.nodes for name in node.outputs}
    fused: dict[str, Node] = {}
    removed: dict[str, tuple[str, str]] = {}
    for node in graph.nodes:
        before = producers.get(node.inputs[0])
        operation = _fuse(before.operation, node.operation) if before and uses[node.inputs[0]] == 1 else None
        if before and operation:
            fused[before.outputs[0]] = replace(before, operation=operation, outputs=node.outputs)
            removed[node.outputs[0]] = (node.name, before.name)
    nodes = (fused.get(node.outputs[0], node) for node in graph.nodes if node.outputs[0] not in removed)
    return replace(graph, nodes=tuple(nodes)), dict(removed.values())


def _fuse(first: Operation, second: Operation) -> Operation | None:
    """Return one operation that computes the same as two; None if they cannot be fused."""
    if not isinstance(first, BatchNormalization) or not isinstance(second, Affine):
        return None
    if first.gamma is not None or first.beta is not None or second.axis != 1:
        return None
    if any(weight is not None and weight.shape != first.mean.shape for weight in (second.scale, second.bias)):
        return None
    return replace(first, gamma=second.scale, beta=second.bias)
