"""Collect the inputs, nodes and values of a graph while a file is converted, and the report on each layer."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.graph import Graph, Input, Node
from kerasbridge.importers.ir.ops.base import Operation, Shape, ShapeError, UnknownDimension
from kerasbridge.importers.ir.unsupported import Unsupported, raise_unsupported
from kerasbridge.importers.report import LayerReport

UNKNOWN: Shape = (None, None, None, None)


@dataclass(frozen=True)
class WithLayerInput:
    """An operation in a chain that takes the first input of the layer after the result of the operation before it."""

    operation: Operation


@dataclass
class GraphBuilder:
    """A graph that grows layer by layer.

    Nodes become Keras layers of the same name, so each format sets how nodes are named: in these templates {layer} is
    the layer in the file, {label} that of the operation, {step} its position in a chain, from 1 on.

    Args:
        node_name: the name of a node before the last in a chain; the last is named after the layer.
        value_name: the name of the result of such a node.
        shapes: of every value by its name, as far as they are known.
        converted, substituted, skipped: the report on the layers so far.
        unsupported: layers and options that cannot be converted.
    """

    node_name: str = "{layer}_{label}"
    value_name: str = "{layer}_{step}"
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    converted: list[LayerReport] = field(default_factory=list)
    substituted: list[LayerReport] = field(default_factory=list)
    skipped: list[LayerReport] = field(default_factory=list)
    unsupported: list[Unsupported] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add_input(self, entry: Input) -> str:
        """Add an input of the graph and return the name of its value."""
        value = self.fresh_name(entry.name)
        self.inputs.append(replace(entry, name=value))
        self.shapes[value] = entry.shape
        return value

    def fresh_name(self, name: str) -> str:
        """Return the name, with a number if another value has it."""
        fresh, number = name, self._numbers.get(name, 1)
        while fresh in self.shapes:
            fresh, number = f"{name}_{number}", number + 1
        self._numbers[name] = max(number - 1, 1)
        return fresh

    def fresh_value(self, name: str, shape: Shape = UNKNOWN) -> str:
        """Add a value that no node computes, such as the output of an unsupported layer, and return its name."""
        value = self.fresh_name(name)
        self.shapes[value] = shape
        return value

    def add_node(self, node: Node) -> tuple[str, ...]:
        """Add a node and return the names of its outputs."""
        self.nodes.append(node)
        self.shapes.update(zip(node.outputs, self.infer_shapes(node), strict=True))
        return node.outputs

    def add_chain(
        self,
        layer: str,
        kind: str,
        operations: Sequence[Operation | WithLayerInput],
        inputs: Sequence[str],
        outputs: Sequence[str] | None = None,
    ) -> tuple[str, ...]:
        """Add a layer as operations one after the other, and return the names of its outputs.

        Args:
            layer, kind: name and type of the layer in the file.
            operations: the first takes all the inputs, the last computes the outputs; at least one.
            outputs: the names of its outputs; by default one fresh name after the layer.
        """
        values: tuple[str, ...] = tuple(inputs)
        for step, entry in enumerate(operations, 1):
            operation = entry.operation if isinstance(entry, WithLayerInput) else entry
            taken = (*values, inputs[0]) if isinstance(entry, WithLayerInput) else values
            names = {"layer": layer, "label": operation.label, "step": step}
            if step == len(operations):
                results = tuple(outputs or (self.fresh_name(layer),))
                values = self.add_node(Node(layer, kind, operation, taken, results))
            else:
                result = self.fresh_name(self.value_name.format(**names))
                values = self.add_node(Node(self.node_name.format(**names), kind, operation, taken, (result,)))
        return values

    def infer_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Return the shapes of a node's outputs; errors are left to `Graph.shapes`, when all inputs are known."""
        unknown = (UNKNOWN,) * len(node.outputs)
        try:
            shapes = node.operation.shapes(*(self.shapes[name] for name in node.inputs))
        except (ShapeError, UnknownDimension, TypeError, IndexError, ValueError, ArithmeticError):
            return unknown
        return shapes if len(shapes) == len(unknown) else unknown

    def report_converted(self, layer: str, kind: str) -> None:
        """Report a layer that becomes the same layer in Keras."""
        self.converted.append(LayerReport(layer, kind))

    def report_substituted(self, layer: str, kind: str, substitute: str) -> None:
        """Report a layer that becomes something else."""
        self.substituted.append(LayerReport(layer, kind, substitute))

    def report_skipped(self, layer: str, kind: str, reason: str) -> None:
        """Report a layer that is left out."""
        self.skipped.append(LayerReport(layer, kind, reason))

    def report_unsupported(self, layer: str, kind: str, error: Unsupported) -> None:
        """Report a layer that cannot be converted; `build` raises for all of them together."""
        self.unsupported.append(error.at(layer, kind))

    def build(self, name: str, outputs: Sequence[str]) -> Graph:
        """Return the graph.

        Raises:
            LegacyFileError: layers that cannot be converted, all of them; or there is no output.
        """
        raise_unsupported(self.unsupported)
        if not outputs:
            raise LegacyFileError("no layer computes an output.")
        return Graph(name, tuple(self.inputs), tuple(self.nodes), tuple(outputs))
