"""The objects that TensorFlow 2 saved, each with what it holds by name: a tree with shared parts, from object 0 on.

A SavedModel says in its graph what the objects are, its checkpoint says of the same tree where their numbers lie
(`saved_object_graph.proto`, `trackable_object_graph.proto`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.schema import parse_message
from kerasbridge.importers.tensorflow.tensor_bundle import TensorBundle

OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The entry of a checkpoint that holds its tree."""


class ObjectTree:
    """Who holds whom.

    Args:
        nodes: the messages of the objects.
    """

    def __init__(self, nodes: Sequence[Any]) -> None:
        self.nodes = nodes

    def children(self, place: int) -> dict[str, int]:
        """What an object holds, by name.

        Raises:
            LegacyFileError: one that is not there.
        """
        found = {child.local_name: child.node_id for child in self.nodes[place].children}
        wrong = next((name for name, child in found.items() if not 0 <= child < len(self.nodes)), None)
        if wrong is not None:
            raise LegacyFileError(f"object {place} holds a {wrong!r} that is not there.")
        return found

    def row(self, place: int) -> list[int]:
        """What a list holds, in its order."""
        found = self.children(place)
        return [found[str(number)] for number in range(len(found)) if str(number) in found]


@dataclass(frozen=True)
class SavedObjects:
    """The objects of a SavedModel.

    Args:
        tree: they.
        bundle: where their numbers lie.
    """

    tree: ObjectTree
    bundle: TensorBundle

    @cached_property
    def _keys(self) -> Mapping[int, str]:
        """By the place of each variable its entry in the checkpoint, whose objects may be counted in another way."""
        checkpoint = checkpoint_tree(self.bundle)
        pairs, waiting = {0: 0}, [0]
        while waiting:
            place = waiting.pop()
            there = checkpoint.children(pairs[place])
            for name, child in self.tree.children(place).items():
                if child not in pairs and name in there:
                    pairs[child] = there[name]
                    waiting.append(child)
        return {place: key for place, other in pairs.items() for _, key in variable_keys(checkpoint, other)}

    def array(self, place: int) -> NDArray[Any]:
        """The numbers of a variable.

        Raises:
            LegacyFileError: they are missing or damaged, or it is none.
        """
        variable = self.tree.nodes[place].variable
        if place not in self._keys or not self.tree.nodes[place].HasField("variable"):
            raise LegacyFileError(f"object {place} should be a variable of the checkpoint, and is none.")
        found, shape = self.bundle.read(self._keys[place]), tensors.parse_shape(variable.shape)
        if found.shape != shape:
            raise LegacyFileError(f"{variable.name!r} should be of shape {shape}, the checkpoint has {found.shape}.")
        return found


def checkpoint_tree(bundle: TensorBundle) -> ObjectTree:
    """The tree of a checkpoint.

    Raises:
        LegacyFileError: it has none, or a damaged one.
    """
    found = ObjectTree(
        parse_message(
            "TrackableObjectGraph", bundle.text(OBJECT_GRAPH_KEY), f"{bundle.prefix}: {OBJECT_GRAPH_KEY}"
        ).nodes
    )
    if not found.nodes:
        raise LegacyFileError(f"{bundle.prefix} has no objects.")
    return found


def variable_keys(tree: ObjectTree, place: int) -> Iterator[tuple[str, str]]:
    """The full name and the key of the numbers that an object of a checkpoint is."""
    for one in tree.nodes[place].attributes:
        if one.name == "VARIABLE_VALUE":
            yield one.full_name, one.checkpoint_key
