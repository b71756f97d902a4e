"""What the variables of a graph hold: the graph itself says which entry of a checkpoint each is restored from."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_function
from kerasbridge.importers.tensorflow.tensor_bundle import TensorBundle

_ASSIGN_OPS = ("Assign", "AssignVariableOp")
_IDENTITY_OPS = ("Identity", "Reshape", "Cast", "ReadVariableOp")


@dataclass(frozen=True)
class VariableHandle:
    """A variable that is not read yet."""

    node: Node


@dataclass
class Variables:
    """The variables of a graph.

    Args:
        bundle: where they are; None where the file was not given.
        keys: by the name of a variable's node, which entry it is, and which piece of it.
        missing: those that were asked for, and are in no file.
    """

    bundle: TensorBundle | None
    keys: Mapping[str, tuple[str, str]]
    missing: list[str] = field(default_factory=list)

    def read(self, node: Node) -> NDArray[Any]:
        """The numbers of a variable.

        Raises:
            LegacyFileError: its checkpoint has none that fit.
        """
        shape = tensors.parse_shape(node.attributes["shape"].shape) if "shape" in node.attributes else ()
        if self.bundle is None:
            self.missing.append(str(node))
            if math.prod(shape) > tensors.MAX_REPEATED:
                raise LegacyFileError(f"is of shape {shape}: its numbers have to be there, the .index and .data files.")
            return np.broadcast_to(np.float32(0), shape)
        key, piece = self._key(node)
        found = self.bundle.read(key)
        found = found[_parse_slice(piece, found.shape)] if piece else found
        if found.shape != shape:
            raise LegacyFileError(f"should be of shape {shape}, the checkpoint has {found.shape}.")
        return found

    def _key(self, node: Node) -> tuple[str, str]:
        if node.name in self.keys:
            return self.keys[node.name]
        shared = node.attributes["shared_name"].s.decode("utf-8", "replace") if "shared_name" in node.attributes else ""
        return (shared if self.bundle is not None and shared in self.bundle.names else node.name), ""


def _parse_slice(text: str, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of a variable that "7 4 0,3:0,4" says: its shape, then first place and length along each axis."""
    extents = re.split(":", text.split(" ")[-1])
    places = []
    for extent in extents:
        both = re.fullmatch(r"(\d+),(\d+)", extent)
        if both is None and extent != "-":
            raise LegacyFileError(f"is a piece {text!r}, which says nothing.")
        places.append(slice(int(both[1]), int(both[1]) + int(both[2])) if both else slice(None))
    if len(places) != len(shape):
        raise LegacyFileError(f"is a piece {text!r} of an array of shape {shape}.")
    return tuple(places)


def restore_keys(graph: Graph, functions: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By the name of each variable's node the entry that the graph restores it from, and the piece."""
    found = {}
    for name, entry in _assignments(graph):
        found[name] = entry
    for node in graph.nodes.values():
        function = functions.get(node.attributes["f"].func.name) if "f" in node.attributes else None
        if function is not None and any(one.op == "RestoreV2" for one in function.node_def):
            body = parse_function(function)
            given = dict(zip(body.arguments, node.inputs, strict=False))
            found.update((given[name][0], entry) for name, entry in _assignments(body) if name in given)
    return found


def _assignments(graph: Graph) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in graph.nodes.values():
        if node.op in _ASSIGN_OPS and len(node.inputs) >= 2:
            source, place = _skip_identities(graph, node.inputs[1])
            restoring = graph.nodes.get(source)
            if restoring is not None and restoring.op == "RestoreV2" and len(restoring.inputs) == 3:
                names, pieces = (_strings(graph, reference) for reference in restoring.inputs[1:])
                if place < min(len(names), len(pieces)):
                    yield _skip_identities(graph, node.inputs[0])[0], (names[place], pieces[place])


def _skip_identities(graph: Graph, reference: Reference) -> Reference:
    """What a reference is a copy of."""
    for _ in range(100):
        node = graph.nodes.get(reference[0])
        if node is None or node.op not in _IDENTITY_OPS or not node.inputs:
            break
        reference = node.inputs[0]
    return reference


def _strings(graph: Graph, reference: Reference) -> list[str]:
    node = graph.nodes.get(reference[0])
    if node is None or node.op != "Const" or "value" not in node.attributes:
        return []
    found = tensors.parse_tensor(node.attributes["value"].tensor)
    return [one.decode("utf-8", "replace") for one in np.ravel(found) if isinstance(one, bytes)]
