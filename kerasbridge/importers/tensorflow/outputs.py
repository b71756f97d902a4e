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
        signature: its name.
        others: the names of other signatures.
    """

    outputs: dict[str, Reference]
    inputs: dict[str, tuple[str, Any]] | None = None
    signature: str = ""
    others: tuple[str, ...] = ()


def find_signature(graph: Graph, signatures: dict[str, Any]) -> Signature:
    """The values of the signature for serving, or of the first; of a graph without one, what nobody reads.

    Raises:
        LegacyFileError: there is no output.
    """
    if signatures:
        return _serving_signature(signatures)
    found = _find_outputs(graph)
    if not found:
        raise LegacyFileError("has no outputs: no node computes what it is fed with and no other reads.")
    return Signature({node.name: (node.name, 0) for node in found})


def _serving_signature(signatures: dict[str, Any]) -> Signature:
    usual = [name for name in signatures if name == "serving_default"]
    useful = [name for name in sorted(signatures) if not name.startswith("__")]
    name = [*usual, *useful, *signatures][0]
    signature = signatures[name]
    outputs = {
        entry.key: parse_reference(entry.value.name) for entry in sorted(signature.outputs, key=lambda one: one.key)
    }
    inputs = {
        entry.key: (parse_reference(entry.value.name)[0], entry.value)
        for entry in sorted(signature.inputs, key=lambda one: one.key)
    }
    return Signature(outputs, inputs, name, tuple(other for other in useful if other != name))


def _find_outputs(graph: Graph) -> list[Node]:
    """The nodes whose values nobody reads, without those that train and what reads these."""
    gone = {node.name for node in graph.nodes.values() if _is_training(graph, node)}
    _add_consumers(graph, gone)
    labels = _find_labels(graph, gone)
    gone |= labels
    _add_consumers(graph, gone)
    fed = {node.name for node in find_placeholders(graph)} - labels
    _add_consumers(graph, fed)
    left = [node for node in graph.nodes.values() if node.name in fed - gone and not _TRAINING.fullmatch(node.op)]
    names = {node.name for node in left if not _is_metric(graph, node, gone)}
    return [
        node for node in left if node.name in names and not any(one.name in names for one in graph.consumers(node.name))
    ]


def _is_metric(graph: Graph, node: Node, gone: set[str]) -> bool:
    """Return whether a node is part of a metric, or an ArgMax that only a metric reads."""
    if node.name.rpartition("/")[0] in gone:
        return True
    readers = [*_consumers(graph, node)]
    return node.op == "ArgMax" and bool(readers) and all(reader.name in gone for reader in readers)


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
    """Return whether it makes one number of a whole batch."""
    if node.op not in ("Mean", "Sum") or len(node.inputs) < 2:
        return False
    axes = graph.nodes.get(node.inputs[1][0])
    if axes is None or axes.op != "Const" or "value" not in axes.attributes:
        return axes is not None and axes.op == "Range"
    found = np.ravel(tensors.parse_tensor(axes.attributes["value"].tensor))
    return 0 in found


def _add_consumers(graph: Graph, names: set[str]) -> None:
    """Add what reads nodes with these names, and what reads that."""
    left = list(names)
    while left:
        for reader in graph.consumers(left.pop()):
            if reader.name not in names:
                names.add(reader.name)
                left.append(reader.name)


def _find_labels(graph: Graph, gone: set[str]) -> set[str]:
    """The placeholders that no weights are applied to, if others are fed to weights."""
    all_ = {node.name for node in find_placeholders(graph)}
    weighed = set()
    for name in all_:
        reached = {name}
        _add_consumers(graph, reached)
        if any(graph.nodes[one].op in _WEIGHTED for one in reached - gone if one in graph.nodes):
            weighed.add(name)
    return all_ - weighed if weighed else set()
