"""Fuse batch normalization with the affine layer after it."""

from dataclasses import replace

from kerasbridge.importers.ir.graph import Graph, Node
from kerasbridge.importers.ir.ops import Affine, BatchNormalization


def fuse(network: Graph) -> tuple[Graph, dict[str, str]]:
    """Fuse each batch normalization and the per-channel `Affine` after it into one node.

    Returns:
        The network, and a dict from the name of each removed node to the name of the node that it was fused into.
    """
    uses, made_by = network.consumer_counts(), {name: node for node in network.nodes for name in node.outputs}
    merged: dict[str, Node] = {}
    gone: dict[str, tuple[str, str]] = {}
    for node in network.nodes:
        before = made_by.get(node.inputs[0])
        if before is not None and uses[node.inputs[0]] == 1 and _go_together(before, node):
            merged[before.outputs[0]] = replace(before, operation=_together(before, node), outputs=node.outputs)
            gone[node.outputs[0]] = (node.name, before.name)
    kept = (node for node in network.nodes if node.outputs[0] not in gone)
    nodes = tuple(merged.get(node.outputs[0], node) for node in kept)
    return replace(network, nodes=nodes), dict(gone.values())


def _go_together(first: Node, second: Node) -> bool:
    normalization, affine = first.operation, second.operation
    if not isinstance(normalization, BatchNormalization) or not isinstance(affine, Affine):
        return False
    plain = normalization.gamma is None and normalization.beta is None
    shape = normalization.mean.shape
    return plain and affine.axis == 1 and all(w is None or w.shape == shape for w in (affine.scale, affine.bias))


def _together(first: Node, second: Node) -> BatchNormalization:
    assert isinstance(first.operation, BatchNormalization)
    assert isinstance(second.operation, Affine)
    scale, bias = second.operation.scale, second.operation.bias
    return replace(first.operation, gamma=scale, beta=bias)
