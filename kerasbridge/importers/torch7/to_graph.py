"""Convert a Torch7 module, and all the modules in it, to the nodes of a graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.builder import GraphBuilder
from kerasbridge.importers.ir.graph import Graph, Node, shapes_after
from kerasbridge.importers.ir.ops.base import Operation, Shape, ShapeError, UnknownDimension
from kerasbridge.importers.ir.ops.dense import Dense
from kerasbridge.importers.ir.ops.flatten import Flatten
from kerasbridge.importers.ir.ops.reshape import Reshape
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.torch7.module import Module
from kerasbridge.importers.torch7.ops import IDENTITIES, OPERATIONS, BatchDimension, InputInfo

MAX_MODULES = 20_000
MAX_DEPTH = 100
"""The maximum numbers of modules, and of containers in each other: more than any network has."""

Value = Any
"""The input or output of a module: the name of a value of the graph, or a list of such values for a Lua table."""

Container = Callable[["ModuleConverter", Module, Value], Value]
"""Converts a module that contains others, or that takes or returns tables."""


@dataclass
class ModuleConverter(GraphBuilder):
    """Converts modules to the nodes of a graph.

    Args:
        batched: whether the network takes batches; else its dimension 1 is the first of a sample.
        containers: the converters by type of container.
        meets_batch: whether a module refers to the dimension of the batch.
        num_modules, depth: the modules so far, and how many containers the current one is in.
    """

    value_name: str = "{layer}_{label}"
    batched: bool = True
    containers: Mapping[str, Container] = field(default_factory=dict)
    meets_batch: bool = False
    num_modules: int = 0
    depth: int = 0

    def convert(self, module: Module, value: Value) -> Value:
        """Convert one module; if it is not supported, report it and pass the value through."""
        self.num_modules, self.depth = self.num_modules + 1, self.depth + 1
        if self.num_modules > MAX_MODULES or self.depth > MAX_DEPTH:
            raise LegacyFileError(f"has more than {MAX_MODULES:,} modules, or more than {MAX_DEPTH} nested ones.")
        try:
            return self._convert(module, value)
        except Unsupported as error:
            self.report_unsupported(module.place, module.type, error)
        except ShapeError as error:
            self.meets_batch |= isinstance(error, BatchDimension)
            if not self.unsupported:
                raise LegacyFileError(f"module {module} does not fit its input: {error}") from None
        finally:
            self.depth -= 1
        return value

    def _convert(self, module: Module, value: Value) -> Value:
        if module.kind in self.containers:
            return self.containers[module.kind](self, module, value)
        if module.kind in IDENTITIES:
            self.report_skipped(module.place, module.type, "returns its input")
            return value
        if module.kind not in OPERATIONS:
            raise Unsupported("is unknown")
        self.report_module(module)
        return self.add(module, OPERATIONS[module.kind](module, self.input_info(value)), [value])

    def report_module(self, module: Module) -> None:
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
    """Return the names in a value."""
    names, stack = [], [value]
    while stack:
        item = stack.pop()
        names += [item] if isinstance(item, str) else []
        stack += [] if isinstance(item, str) else reversed(item)
        if len(names) + len(stack) > MAX_MODULES:
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


def fuse_flatten(graph: Graph) -> Graph:
    """Remove the flattening before dense layers, which flatten images in the same order themselves."""
    uses, producers = graph.consumer_counts(), {name: node for node in graph.nodes for name in node.outputs}
    nodes, fused = [], set()
    for node in graph.nodes:
        before = producers.get(node.inputs[0])
        if before and uses[before.outputs[0]] == 1 and _can_fuse(before.operation, node.operation):
            fused.add(before.outputs[0])
            node = replace(node, inputs=before.inputs)
        nodes.append(node)
    return replace(graph, nodes=tuple(node for node in nodes if node.outputs[0] not in fused))


def _can_fuse(first: Operation, second: Operation) -> bool:
    if not isinstance(second, Dense) or second.axis != 1:
        return False
    if isinstance(first, Flatten):
        return first.axis == 1 and first.end == -1
    return isinstance(first, Reshape) and first.sizes == (0, second.weight.shape[1])
