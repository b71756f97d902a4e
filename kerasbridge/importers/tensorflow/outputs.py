"""Find the inputs and outputs of a graph: as the user names them, of a signature, or those that training leaves."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow.graphdef import Graph, Reference, parse_reference
from kerasbridge.importers.tensorflow.placeholders import find_placeholders
from kerasbridge.importers.tensorflow.training_nodes import TrainingNodes

Inputs = dict[str, tuple[Reference, Any]]
"""By name, the value that is an input, and its TensorInfo if there is one."""


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a network.

    Args:
        outputs: by name.
        inputs: None if neither a signature nor the user names them: then all placeholders of batches.
        name: of the signature.
        others: the names of other signatures.
        found: whether the outputs are those that are left without training, as neither names them.
        cut: the nodes that depend on what is fed and that are left out then.
    """

    outputs: dict[str, Reference]
    inputs: Inputs | None = None
    name: str = ""
    others: tuple[str, ...] = ()
    found: bool = False
    cut: tuple[LayerReport, ...] = ()


def find_signature(
    graph: Graph,
    signatures: dict[str, Any],
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Signature:
    """Return what the user names; else the signature for serving, or the first; else the values that no node reads.

    Args:
        inputs, outputs: names of nodes, or of inputs and outputs of the signature; None if the user names none.

    Raises:
        LegacyFileError: there is no output.
        ArgumentError: a name is unknown.
    """
    signature = _serving_signature(signatures) if signatures else Signature({})
    if inputs is not None:
        known = signature.inputs or {}
        chosen = {name: known.get(name) or (_reference(graph, name, known, "inputs"), None) for name in inputs}
        signature = replace(signature, inputs={name.removesuffix(":0"): entry for name, entry in chosen.items()})
    if outputs is not None:
        given = signature.outputs
        found = {name: given.get(name) or _reference(graph, name, given, "outputs") for name in outputs}
        return replace(signature, outputs={name.removesuffix(":0"): reference for name, reference in found.items()})
    return signature if signatures else _without_training(graph, signature)


def _reference(graph: Graph, name: str, known: Iterable[str], argument: str) -> Reference:
    """Parse the name of a node, or of one of its values."""
    reference = parse_reference(name)
    if reference[0] not in graph.nodes:
        close = difflib.get_close_matches(name, [*known, *graph.nodes], 3, 0.4) or [*known, *graph.nodes][-3:]
        raise ArgumentError(
            f"Expected {argument}= to name nodes of the graph, received {name!r}, which it does not have; similar "
            f"names are {', '.join(map(repr, close))}."
        )
    return reference


def _without_training(graph: Graph, signature: Signature) -> Signature:
    """Return the signature with the outputs that are left when training is left out."""
    chosen = [node for (node, _), _ in (signature.inputs or {}).values()]
    fed = dict.fromkeys([*chosen, *(node.name for node in find_placeholders(graph))])
    training = TrainingNodes(graph, tuple(fed), frozenset(chosen))
    outputs = training.outputs()
    if not outputs:
        raise LegacyFileError(
            "has no outputs: no node computes what it is fed with and no other reads. Name them: outputs=[…], or "
            "--outputs NODE; and inputs=[…], or --inputs NODE, if it is not fed by placeholders."
        )
    cut = training.report([node.name for node in outputs])
    named = {node.name: (node.name, 0) for node in outputs}
    return replace(signature, outputs=named, found=True, cut=tuple(cut))


def _serving_signature(signatures: dict[str, Any]) -> Signature:
    public = [name for name in sorted(signatures) if not name.startswith("__")]
    name = "serving_default" if "serving_default" in signatures else [*public, *signatures][0]
    outputs = sorted(signatures[name].outputs, key=lambda entry: entry.key)
    inputs = sorted(signatures[name].inputs, key=lambda entry: entry.key)
    return Signature(
        {entry.key: parse_reference(entry.value.name) for entry in outputs},
        {entry.key: (parse_reference(entry.value.name), entry.value) for entry in inputs},
        name,
        tuple(other for other in public if other != name),
    )
