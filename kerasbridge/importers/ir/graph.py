"""A network as a file describes it: operations in their order, with their weights, in the file's own terms.

Every tensor is in the order N, C, H, W, and so are axes, weights and paddings; the batch, axis 0, is always free.
Readers of formats make a `Graph` and know no Keras; `building` makes a Keras model of one and knows no format.
"""

from collections import Counter
from dataclasses import dataclass, replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Operation, Shape, ShapeError, UnknownDimension


@dataclass(frozen=True)
class Input:
    """What is fed to a network: its name and its shape, None for what the file leaves open."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Node:
    """One operation between named values.

    Args:
        name: the name of the layer in the file.
        type: what the file calls such a layer.
        operation: what it computes, with its weights.
        inputs: the names of the values it takes.
        outputs: the names of the values it gives; no other node gives these.
    """

    name: str
    type: str
    operation: Operation
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Graph:
    """Nodes, each after those it needs, and the values that are fed to them and taken from them."""

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def pruned(self) -> "Graph":
        """Without nodes and inputs that no output needs."""
        needed, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if needed & {*node.outputs}:
                needed |= {*node.inputs}
                kept.append(node)
        inputs = tuple(entry for entry in self.inputs if entry.name in needed)
        return replace(self, inputs=inputs, nodes=tuple(reversed(kept)))

    def consumer_counts(self) -> Counter[str]:
        """How often each value is taken, as an input or as an output of the network."""
        return Counter([name for node in self.nodes for name in node.inputs] + [*self.outputs])

    def shapes(self) -> dict[str, Shape]:
        """The shape of every value.

        Raises:
            LegacyFileError: something does not fit; the node is named.
            UnknownDimension: a node needs a size that an input leaves open.
        """
        shapes = {entry.name: entry.shape for entry in self.inputs}
        for name, shape in shapes.items():
            if len(shape) == 4 and shape[1] is None:
                raise UnknownDimension(f"input {name!r} takes one number of channels only")
        for node in self.nodes:
            shapes.update(zip(node.outputs, shapes_after(node, [shapes[name] for name in node.inputs]), strict=True))
        return shapes

    def nonnegative(self) -> set[str]:
        """The values that no weights and no input can make negative."""
        found: set[str] = set()
        for node in self.nodes:
            if node.operation.nonnegative(*(name in found for name in node.inputs)):
                found |= {*node.outputs}
        return found


def with_dynamic_images(network: Graph) -> Graph:
    """The network with images of any size where no node needs to know it, else of the size that the file says.

    Raises:
        LegacyFileError: something does not fit; the node is named.
        UnknownDimension: a node has to know it, and the file does not say it.
    """
    free = _with_images_of(network, None)
    try:
        free.shapes()
    except UnknownDimension:
        network.shapes()
        return network
    return free


def compatible_sizes(network: Graph) -> list[int]:
    """The heights and widths, up to 512, of square images that the network could take."""
    return [size for size in range(1, 513) if fits(_with_images_of(network, size))]


def fits(network: Graph) -> bool:
    """Return whether the parts of a network fit each other and what it is fed with, all of which is known."""
    try:
        network.shapes()
    except (LegacyFileError, UnknownDimension):
        return False
    return True


def _with_images_of(network: Graph, size: int | None) -> Graph:
    """The network with another size of all images that are its inputs."""
    inputs = (
        replace(entry, shape=(*entry.shape[:2], size, size)) if len(entry.shape) == 4 else entry
        for entry in network.inputs
    )
    return replace(network, inputs=tuple(inputs))


def shapes_after(node: Node, shapes: list[Shape]) -> tuple[Shape, ...]:
    """The shapes that a node gives for inputs of these shapes.

    Raises:
        LegacyFileError: it does not fit them.
        UnknownDimension: it needs a size that is open.
    """
    try:
        found = node.operation.shapes(*shapes)
        if any(size is not None and size < 1 for shape in found for size in shape):
            raise ShapeError(f"the result would have the shape {_written(found[0])}")
    except UnknownDimension as unknown:
        raise UnknownDimension(f"layer {node}: {unknown}") from None
    except (ShapeError, TypeError, IndexError) as misfit:
        given = ", ".join(map(_written, shapes))
        raise LegacyFileError(f"layer {node} does not fit its input of shape {given}: {misfit}") from None
    return found


def _written(shape: Shape) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
