"""Values of a graph's variables; the graph itself defines which checkpoint entry each is restored from."""

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
    """A reference to a variable, as VarHandleOp returns it."""

    node: Node


@dataclass
class Variables:
    """The variables of a graph.

    Args:
        bundle: the checkpoint; None if it was not given.
        keys: the checkpoint entry, and the slice of it, by the name of a variable's node.
        missing: variables that were read without a checkpoint.
    """

    bundle: TensorBundle | None
    keys: Mapping[str, tuple[str, str]]
    missing: list[str] = field(default_factory=list)

    def read(self, node: Node) -> NDArray[Any]:
        """Return the value of a variable; zeros if there is no checkpoint.

        Raises:
            LegacyFileError: it is not in the checkpoint, or of another shape.
        """
        shape = tensors.parse_shape(node.attributes["shape"].shape) if "shape" in node.attributes else ()
        if self.bundle is None:
            self.missing.append(str(node))
            if math.prod(shape) > tensors.MAX_REPEATED:
                raise LegacyFileError(f"is of shape {shape}: pass the .index and .data files of the checkpoint too.")
            return np.broadcast_to(np.float32(0), shape)
        key, slices = self._key(node)
        array = self.bundle.read(key)
        array = array[_parse_slice(slices, array.shape)] if slices else array
        if array.shape != shape:
            raise LegacyFileError(f"should be of shape {shape}, the checkpoint has {array.shape}.")
        return array

    def _key(self, node: Node) -> tuple[str, str]:
        if node.name in self.keys:
            return self.keys[node.name]
        shared = node.attributes["shared_name"].s.decode("utf-8", "replace") if "shared_name" in node.attributes else ""
        return (shared if self.bundle is not None and shared in self.bundle.names else node.name), ""


def _parse_slice(text: str, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Parse "7 4 0,3:0,4": the shape of a variable, then start and length of a slice along each axis."""
    slices = []
    for extent in text.split(" ")[-1].split(":"):
        match = re.fullmatch(r"(\d+),(\d+)", extent)
        if match is None and extent != "-":
            raise LegacyFileError(f"has the invalid slice {text!r}.")
        slices.append(slice(int(match[1]), int(match[1]) + int(match[2])) if match else slice(None))
    if len(slices) != len(shape):
        raise LegacyFileError(f"has the slice {text!r} of an array of shape {shape}.")
    return tuple(slices)


def restore_keys(graph: Graph, functions: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the checkpoint entry, and the slice of it, that each variable is restored from, by the node's name."""
    keys = dict(_assignments(graph))
    for node in graph.nodes.values():
        function = functions.get(node.attributes["f"].func.name) if "f" in node.attributes else None
        if function is not None and any(entry.op == "RestoreV2" for entry in function.node_def):
            body = parse_function(function)
            arguments = dict(zip(body.arguments, node.inputs, strict=False))
            keys.update((arguments[name][0], key) for name, key in _assignments(body) if name in arguments)
    return keys


def _assignments(graph: Graph) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the variables that a graph assigns, each with the restored entry and slice."""
    for node in graph.nodes.values():
        if node.op in _ASSIGN_OPS and len(node.inputs) >= 2:
            source, index = _skip_identities(graph, node.inputs[1])
            restoring = graph.nodes.get(source)
            if restoring is not None and restoring.op == "RestoreV2" and len(restoring.inputs) == 3:
                names, slices = (_strings(graph, reference) for reference in restoring.inputs[1:])
                if index < min(len(names), len(slices)):
                    yield _skip_identities(graph, node.inputs[0])[0], (names[index], slices[index])


def _skip_identities(graph: Graph, reference: Reference) -> Reference:
    """Follow a reference through nodes that return their input."""
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
    strings = np.ravel(tensors.parse_tensor(node.attributes["value"].tensor))
    return [string.decode("utf-8", "replace") for string in strings if isinstance(string, bytes)]
