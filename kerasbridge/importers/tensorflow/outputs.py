"""Which values of a graph are asked for: those of a signature, or what nobody reads once training is left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, reference
from kerasbridge.importers.tensorflow.placeholders import PASSING, placeholders

_TRAINING = re.compile(
    r"(Sparse)?(Resource)?Apply\w+|Assign\w*|Scatter\w+|.*Summary(V2)?|\w*CrossEntropy\w*|L2Loss|InTopK(V2)?|.*Save\w*|"
    r".*Restore\w*|.*Reader\w*|.*Queue\w*|.*Dataset\w*|.*Iterator\w*|Write\w+|Assert|NoOp|Equal|NotEqual|Const|"
    r"Placeholder\w*|Variable\w*|VarHandleOp|IsVariableInitialized|VarIsInitializedOp|ConfusionMatrix|Sigmoid\w+Grad"
)
"""Operations that train, judge, watch, save or feed a network, or are no outputs of one."""

_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")
_WEIGHED = {"Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMul", "BatchMatMulV2", "Conv2DBackpropInput"}


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Args:
        outputs: by name.
        inputs: by name the node and what the file says of its type and shape; None where there is no signature.
        signature: its name.
        others: the names of other signatures.
    """

    outputs: dict[str, Reference]
    inputs: dict[str, tuple[str, Any]] | None = None
    signature: str = ""
    others: tuple[str, ...] = ()


def asked(graph: Graph, signatures: dict[str, Any]) -> Asked:
    """The values of the signature for serving, or of the first; of a graph without one, what nobody reads.

    Raises:
        LegacyFileError: there are none.
    """
    if signatures:
        return _of_signature(signatures)
    found = _unread(graph)
    if not found:
        raise LegacyFileError("has no outputs: no node computes what it is fed with and no other reads.")
    return Asked({node.name: (node.name, 0) for node in found})


def _of_signature(signatures: dict[str, Any]) -> Asked:
    usual = [name for name in signatures if name == "serving_default"]
    useful = [name for name in sorted(signatures) if not name.startswith("__")]
    name = [*usual, *useful, *signatures][0]
    signature = signatures[name]
    outputs = {entry.key: reference(entry.value.name) for entry in sorted(signature.outputs, key=lambda one: one.key)}
    inputs = {
        entry.key: (reference(entry.value.name)[0], entry.value)
        for entry in sorted(signature.inputs, key=lambda one: one.key)
    }
    return Asked(outputs, inputs, name, tuple(other for other in useful if other != name))


def _unread(graph: Graph) -> list[Node]:
    """The nodes whose values nobody reads, without those that train and what reads these."""
    gone = {node.name for node in graph.nodes.values() if _is_training(graph, node)}
    _spread(graph, gone)
    labels = _labels(graph, gone)
    gone |= labels
    _spread(graph, gone)
    fed = {node.name for node in placeholders(graph)} - labels
    _spread(graph, fed)
    left = [node for node in graph.nodes.values() if node.name in fed - gone and not _TRAINING.fullmatch(node.op)]
    names = {node.name for node in left if not _judges(graph, node, gone)}
    return [
        node for node in left if node.name in names and not any(one.name in names for one in graph.reading(node.name))
    ]


def _judges(graph: Graph, node: Node, gone: set[str]) -> bool:
    """Return whether a node is a part of what judges, or the place of the largest number, which is judged alone."""
    if node.name.rpartition("/")[0] in gone:
        return True
    readers = [*_readers(graph, node)]
    return node.op == "ArgMax" and bool(readers) and all(reader.name in gone for reader in readers)


def _readers(graph: Graph, node: Node) -> Iterator[Node]:
    for reader in graph.reading(node.name):
        if reader.op in PASSING:
            yield from _readers(graph, reader)
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
    found = np.ravel(tensors.array(axes.attributes["value"].tensor))
    return 0 in found


def _spread(graph: Graph, names: set[str]) -> None:
    """Add what reads nodes with these names, and what reads that."""
    left = list(names)
    while left:
        for reader in graph.reading(left.pop()):
            if reader.name not in names:
                names.add(reader.name)
                left.append(reader.name)


def _labels(graph: Graph, gone: set[str]) -> set[str]:
    """The placeholders that no weights are applied to, if others are fed to weights."""
    all_ = {node.name for node in placeholders(graph)}
    weighed = set()
    for name in all_:
        reached = {name}
        _spread(graph, reached)
        if any(graph.nodes[one].op in _WEIGHED for one in reached - gone if one in graph.nodes):
            weighed.add(name)
    return all_ - weighed if weighed else set()
