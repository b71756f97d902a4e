"""Convert a Torch7 module, and all the modules in it, to the nodes of a graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.builder import GraphBuilder
from kerasbridge.importers.ir.graph import Graph, Node, shapes_after
from kerasbridge.importers.ir.ops import Dense, Flatten, Operation, Reshape, Shape, ShapeError, UnknownDimension
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.ops import OPERATIONS, PASSED, BatchDimension, InputInfo, Module

MAX_MODULES = 20_000
MAX_NESTED = 100
"""Containers in containers, more than any network has."""

Value = Any
"""What modules pass on: the name of a value of the graph, or a list of such values for a Lua table."""

Container = Callable[["ModuleConverter", Module, Value], Value]
"""Converts a module that contains others, or that takes or returns tables."""


@dataclass
class ModuleConverter(GraphBuilder):
    """Converts modules to the nodes of a graph.

    Args:
        batched: whether the network takes batches; else its dimension 1 is the first of a sample.
        containers: the converter of each type of module that takes more than a tensor.
        meets_batch: whether a module refers to the dimension of the batch.
    """

    value_name: str = "{layer}_{label}"
    batched: bool = True
    containers: dict[str, Container] = field(default_factory=dict)
    meets_batch: bool = False
    seen: int = 0
    nested: int = 0

    def convert(self, module: Module, value: Value) -> Value:
        """Convert one module; if it is not supported, report it and pass the value through."""
        self.seen, self.nested = self.seen + 1, self.nested + 1
        if self.seen > MAX_MODULES or self.nested > MAX_NESTED:
            raise LegacyFileError(f"has more than {MAX_MODULES:,} modules, or more than {MAX_NESTED} nested ones.")
        try:
            return self._convert(module, value)
        except Unsupported as error:
            self.report_unsupported(module.place, module.type, error)
        except ShapeError as error:
            self.meets_batch |= isinstance(error, BatchDimension)
            if not self.unsupported:
                raise LegacyFileError(f"module {module} does not fit its input: {error}") from None
        finally:
            self.nested -= 1
        return value

    def _convert(self, module: Module, value: Value) -> Value:
        if module.kind in self.containers:
            return self.containers[module.kind](self, module, value)
        if module.kind in PASSED:
            self.report_skipped(module.place, module.type, "returns its input")
            return value
        if module.kind not in OPERATIONS:
            raise Unsupported("is unknown")
        self.note(module)
        return self.add(module, OPERATIONS[module.kind](module, self.input_info(value)), [value])

    def note(self, module: Module) -> None:
        """Report a module as converted."""
        self.report_converted(module.place, module.type)

    def input_info(self, value: Value) -> InputInfo:
        """Describe the input of a module that takes a tensor."""
        if not isinstance(value, str):
            raise ShapeError("expected a tensor, received a table")
        return InputInfo(self.shapes[value], self.batched)

    def add(self, module: Module, operations: Sequence[Operation], values: Sequence[str], part: str = "") -> str:
        """Add operations one after the other, the first of which takes all the values.

        Args:
            part: added to the name, for a module that consists of several such chains.
        """
        layer = f"{module.place}_{part}" if part else module.place
        return self.add_chain(layer, module.type, operations, values)[0]

    def infer_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Return the shapes of a node's outputs as far as they are known; raise LegacyFileError if they do not fit."""
        shapes = [self.shapes[name] for name in node.inputs]
        try:
            return shapes_after(node, shapes)
        except UnknownDimension:
            return (_known_shape(node.operation, shapes[0]),)
        except LegacyFileError:
            if self.unsupported:
                return (shapes[0],)
            raise

    def graph(self, value: Value) -> Graph:
        """Return the graph whose outputs are those in the value, in order."""
        outputs = tuple(flatten_value(value))
        return fuse_flatten(Graph("", tuple(self.inputs), tuple(self.nodes), outputs).pruned())


def flatten_value(value: Value) -> list[str]:
    """The names in a value."""
    names, waiting = [], [value]
    while waiting:
        one = waiting.pop()
        names += [one] if isinstance(one, str) else []
        waiting += [] if isinstance(one, str) else reversed(one)
        if len(names) + len(waiting) > MAX_MODULES:
            raise LegacyFileError(f"has a table of more than {MAX_MODULES:,} tensors.")
    return names


def _known_shape(operation: Operation, shape: Shape) -> Shape:
    """Return the shape of an operation's result as far as it is known without the size of images."""
    match operation:
        case Flatten():
            return (shape[0], None)
        case Reshape(sizes):
            return (shape[0], *(size if size > 0 else None for size in sizes[1:]))
        case Dense(weight, _, axis):
            return (*shape[:axis], len(weight))
    return shape


def fuse_flatten(network: Graph) -> Graph:
    """The network in which dense layers take images as they are: they flatten them in the same order themselves."""
    uses, made_by = network.consumer_counts(), {name: node for node in network.nodes for name in node.outputs}
    nodes, gone = [], set()
    for node in network.nodes:
        before = made_by.get(node.inputs[0])
        if before and uses[before.outputs[0]] == 1 and _can_fuse(before.operation, node.operation):
            gone.add(before.outputs[0])
            node = Node(node.name, node.type, node.operation, before.inputs, node.outputs)
        nodes.append(node)
    kept = tuple(node for node in nodes if node.outputs[0] not in gone)
    return Graph(network.name, network.inputs, kept, network.outputs)


def _can_fuse(first: Operation, second: Operation) -> bool:
    if not isinstance(second, Dense) or second.axis != 1:
        return False
    rows = first.axis == 1 and first.end == -1 if isinstance(first, Flatten) else False
    return rows or (isinstance(first, Reshape) and first.sizes == (0, second.weight.shape[1]))
