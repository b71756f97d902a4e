"""The objects that TensorFlow 2 saved, each with its attributes: a tree with shared parts, rooted at object 0.

The graph of a SavedModel describes the objects; the checkpoint describes the same tree with the keys of their values
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
"""The checkpoint entry with the tree."""


class ObjectTree:
    """The attributes of objects that are objects too.

    Args:
        nodes: the messages of the objects.
    """

    def __init__(self, nodes: Sequence[Any]) -> None:
        self.nodes = nodes

    def children(self, index: int) -> dict[str, int]:
        """Return the attributes of an object, by name.

        Raises:
            LegacyFileError: one does not exist.
        """
        children = {child.local_name: child.node_id for child in self.nodes[index].children}
        invalid = next((name for name, child in children.items() if not 0 <= child < len(self.nodes)), None)
        if invalid is not None:
            raise LegacyFileError(f"object {index} has an attribute {invalid!r} that does not exist.")
        return children

    def list_items(self, index: int) -> list[int]:
        """Return the items of an object that is a list, in order."""
        children = self.children(index)
        return [children[str(number)] for number in range(len(children)) if str(number) in children]


@dataclass(frozen=True)
class SavedObjects:
    """The objects of a SavedModel with the values of their variables.

    Args:
        tree: the objects.
        bundle: the checkpoint with the values.
    """

    tree: ObjectTree
    bundle: TensorBundle

    @cached_property
    def _keys(self) -> Mapping[int, str]:
        """The checkpoint entry of each variable; the checkpoint may number the objects differently."""
        checkpoint = checkpoint_tree(self.bundle)
        pairs, stack = {0: 0}, [0]
        while stack:
            index = stack.pop()
            counterparts = checkpoint.children(pairs[index])
            for name, child in self.tree.children(index).items():
                if child not in pairs and name in counterparts:
                    pairs[child] = counterparts[name]
                    stack.append(child)
        return {index: key for index, other in pairs.items() for _, key in variable_keys(checkpoint, other)}

    def array(self, index: int) -> NDArray[Any]:
        """Return the value of a variable.

        Raises:
            LegacyFileError: the object is not a variable, or its value is missing or damaged.
        """
        variable = self.tree.nodes[index].variable
        if index not in self._keys or not self.tree.nodes[index].HasField("variable"):
            raise LegacyFileError(f"object {index} should be a variable of the checkpoint, and is not.")
        array, shape = self.bundle.read(self._keys[index]), tensors.parse_shape(variable.shape)
        if array.shape != shape:
            raise LegacyFileError(f"{variable.name!r} should be of shape {shape}, the checkpoint has {array.shape}.")
        return array


def checkpoint_tree(bundle: TensorBundle) -> ObjectTree:
    """Return the tree of a checkpoint.

    Raises:
        LegacyFileError: it has none, or a damaged one.
    """
    message = parse_message(
        "TrackableObjectGraph", bundle.read_string(OBJECT_GRAPH_KEY), f"{bundle.prefix}: {OBJECT_GRAPH_KEY}"
    )
    if not message.nodes:
        raise LegacyFileError(f"{bundle.prefix} has no objects.")
    return ObjectTree(message.nodes)


def variable_keys(tree: ObjectTree, index: int) -> Iterator[tuple[str, str]]:
    """Yield the full name and the checkpoint key of the variable that an object is, if it is one."""
    for attribute in tree.nodes[index].attributes:
        if attribute.name == "VARIABLE_VALUE":
            yield attribute.full_name, attribute.checkpoint_key
