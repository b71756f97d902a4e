"""Find the outputs of a graph: those of a signature, or values that no node reads once training is left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_reference
from kerasbridge.importers.tensorflow.placeholders import IDENTITY_OPS, find_placeholders

_TRAINING = re.compile(
    r"(Sparse)?(Resource)?Apply\w+|Assign\w*|Scatter\w+|.*Summary(V2)?|\w*CrossEntropy\w*|L2Loss|InTopK(V2)?|.*Save\w*|"
    r".*Restore\w*|.*Reader\w*|.*Queue\w*|.*Dataset\w*|.*Iterator\w*|Write\w+|Assert|NoOp|Equal|NotEqual|Const|"
    r"Placeholder\w*|Variable\w*|VarHandleOp|IsVariableInitialized|VarIsInitializedOp|ConfusionMatrix|Sigmoid\w+Grad"
)
"""Operations that train, evaluate, log, save or feed a network, or are not outputs of one."""

_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")
_WEIGHTED = {"Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMul", "BatchMatMulV2", "Conv2DBackpropInput"}


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a network.

    Args:
        outputs: by name.
        inputs: by name the node and its TensorInfo; None if there is no signature.
        name: of the signature.
        others: the names of other signatures.
    """

    outputs: dict[str, Reference]
    inputs: dict[str, tuple[str, Any]] | None = None
    name: str = ""
    others: tuple[str, ...] = ()


def find_signature(graph: Graph, signatures: dict[str, Any]) -> Signature:
    """Return the signature for serving, or else the first; for a graph without one, the values that no node reads.

    Raises:
        LegacyFileError: there is no output.
    """
    if signatures:
        return _serving_signature(signatures)
    outputs = _find_outputs(graph)
    if not outputs:
        raise LegacyFileError("has no outputs: no node computes what it is fed with and no other reads.")
    return Signature({node.name: (node.name, 0) for node in outputs})


def _serving_signature(signatures: dict[str, Any]) -> Signature:
    public = [name for name in sorted(signatures) if not name.startswith("__")]
    name = "serving_default" if "serving_default" in signatures else [*public, *signatures][0]
    outputs = sorted(signatures[name].outputs, key=lambda entry: entry.key)
    inputs = sorted(signatures[name].inputs, key=lambda entry: entry.key)
    return Signature(
        {entry.key: parse_reference(entry.value.name) for entry in outputs},
        {entry.key: (parse_reference(entry.value.name)[0], entry.value) for entry in inputs},
        name,
        tuple(other for other in public if other != name),
    )


def _find_outputs(graph: Graph) -> list[Node]:
    """Return the nodes whose values no node reads, without nodes for training and those that depend on them."""
    training = {node.name for node in graph.nodes.values() if _is_training(graph, node)}
    _add_consumers(graph, training)
    labels = _find_labels(graph, training)
    training |= labels
    _add_consumers(graph, training)
    names = {node.name for node in find_placeholders(graph)} - labels
    _add_consumers(graph, names)
    names = {
        name
        for name in names - training
        if not _TRAINING.fullmatch(graph.nodes[name].op) and not _is_metric(graph, graph.nodes[name], training)
    }
    return [
        node
        for node in graph.nodes.values()
        if node.name in names and not any(reader.name in names for reader in graph.consumers(node.name))
    ]


def _is_metric(graph: Graph, node: Node, training: set[str]) -> bool:
    """Return whether a node is part of a metric, or an ArgMax that only a metric reads."""
    if node.name.rpartition("/")[0] in training:
        return True
    readers = [*_consumers(graph, node)]
    return node.op == "ArgMax" and bool(readers) and all(reader.name in training for reader in readers)


def _consumers(graph: Graph, node: Node) -> Iterator[Node]:
    for reader in graph.consumers(node.name):
        if reader.op in IDENTITY_OPS:
            yield from _consumers(graph, reader)
        else:
            yield reader


def _is_training(graph: Graph, node: Node) -> bool:
    if node.op in ("Const", "Placeholder", "PlaceholderWithDefault", "PlaceholderV2") or node.op.startswith("Var"):
        return False
    return bool(_TRAINING.fullmatch(node.op) or _GRADIENTS.search(node.name)) or _is_loss(graph, node)


def _is_loss(graph: Graph, node: Node) -> bool:
    """Return whether a node reduces a whole batch to one number."""
    if node.op not in ("Mean", "Sum") or len(node.inputs) < 2:
        return False
    axes = graph.nodes.get(node.inputs[1][0])
    if axes is None or axes.op != "Const" or "value" not in axes.attributes:
        return axes is not None and axes.op == "Range"
    return 0 in np.ravel(tensors.parse_tensor(axes.attributes["value"].tensor))


def _add_consumers(graph: Graph, names: set[str]) -> None:
    """Add the nodes that depend on nodes with these names."""
    stack = list(names)
    while stack:
        for reader in graph.consumers(stack.pop()):
            if reader.name not in names:
                names.add(reader.name)
                stack.append(reader.name)


def _find_labels(graph: Graph, training: set[str]) -> set[str]:
    """Return the placeholders that no weights are applied to; none if that is so for all of them."""
    names = {node.name for node in find_placeholders(graph)}
    weighted = set()
    for name in names:
        reached = {name}
        _add_consumers(graph, reached)
        if any(graph.nodes[node].op in _WEIGHTED for node in reached - training):
            weighted.add(name)
    return names - weighted if weighted else set()
