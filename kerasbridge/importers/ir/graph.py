"""The graph of a network: its operations in topological order, with their weights.

Tensors, axes, weights and paddings are in the order N, C, H, W; the batch, axis 0, is always of unknown size. The
importers of the formats create a `Graph` without Keras; `keras_builder` builds a Keras model from it, for any format.
"""

from collections import Counter
from dataclasses import dataclass, replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.ops import Operation, Shape, ShapeError, UnknownDimension


@dataclass(frozen=True)
class Input:
    """An input of a network: its name and its shape, with None for a size that the file does not give."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Node:
    """An operation with the names of its inputs and outputs.

    Args:
        name: the name of the layer in the file.
        type: the type of the layer in the file.
        operation: the operation that it computes, with its weights.
        inputs: the names of the input values.
        outputs: the names of the output values; no other node has the same output.
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
    """Nodes in topological order, with the inputs of the network and the names of its output values."""

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def pruned(self) -> "Graph":
        """Return the graph without the nodes and inputs that no output depends on."""
        needed, nodes = set(self.outputs), []
        for node in reversed(self.nodes):
            if needed & {*node.outputs}:
                needed |= {*node.inputs}
                nodes.append(node)
        inputs = tuple(entry for entry in self.inputs if entry.name in needed)
        return replace(self, inputs=inputs, nodes=tuple(reversed(nodes)))

    def consumer_counts(self) -> Counter[str]:
        """Return how many times each value is used, as the input of a node or as an output of the network."""
        return Counter([name for node in self.nodes for name in node.inputs] + [*self.outputs])

    def shapes(self) -> dict[str, Shape]:
        """Return the shape of every value.

        Raises:
            LegacyFileError: the input shapes of a node are invalid; the message names the node.
            UnknownDimension: a node requires a size that is unknown.
        """
        shapes = {entry.name: entry.shape for entry in self.inputs}
        for name, shape in shapes.items():
            if len(shape) == 4 and shape[1] is None:
                raise UnknownDimension(f"input {name!r} takes one number of channels only")
        for node in self.nodes:
            shapes.update(zip(node.outputs, shapes_after(node, [shapes[name] for name in node.inputs]), strict=True))
        return shapes

    def nonnegative(self) -> set[str]:
        """Return the values that are never negative, whatever the weights and inputs."""
        values: set[str] = set()
        for node in self.nodes:
            if node.operation.nonnegative(*(name in values for name in node.inputs)):
                values |= {*node.outputs}
        return values


def with_dynamic_images(graph: Graph) -> Graph:
    """Return the graph with images of any size, or with those of the file if a node requires a known size.

    Raises:
        LegacyFileError: the input shapes of a node are invalid; the message names the node.
        UnknownDimension: a node requires a known size, and the file does not give it.
    """
    free = _with_image_size(graph, None)
    try:
        free.shapes()
    except UnknownDimension:
        graph.shapes()
        return graph
    return free


def compatible_sizes(graph: Graph) -> list[int]:
    """Return the heights and widths, up to 512, of the square images that the network accepts."""
    return [size for size in range(1, 513) if fits(_with_image_size(graph, size))]


def fits(graph: Graph) -> bool:
    """Return whether the shapes of all values can be inferred without an error."""
    try:
        graph.shapes()
    except (LegacyFileError, UnknownDimension):
        return False
    return True


def _with_image_size(graph: Graph, size: int | None) -> Graph:
    """Return the graph with this height and width for all inputs that are images."""
    inputs = (
        replace(entry, shape=(*entry.shape[:2], size, size)) if len(entry.shape) == 4 else entry
        for entry in graph.inputs
    )
    return replace(graph, inputs=tuple(inputs))


def shapes_after(node: Node, shapes: list[Shape]) -> tuple[Shape, ...]:
    """Return the output shapes of a node for inputs of these shapes.

    Raises:
        LegacyFileError: the node does not accept inputs of these shapes.
        UnknownDimension: the node requires a size that is unknown.
    """
    try:
        results = node.operation.shapes(*shapes)
        if len(results) != len(node.outputs):
            raise ShapeError(f"it has {len(node.outputs)} outputs, but computes {len(results)}")
        if any(size is not None and size < 1 for shape in results for size in shape):
            raise ShapeError(f"the result would have the shape {_format_shape(results[0])}")
    except UnknownDimension as unknown:
        raise UnknownDimension(f"layer {node}: {unknown}") from None
    except (ShapeError, TypeError, IndexError) as error:
        inputs = ", ".join(map(_format_shape, shapes))
        raise LegacyFileError(f"layer {node} does not fit its input of shape {inputs}: {error}") from None
    return results


def _format_shape(shape: Shape) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
