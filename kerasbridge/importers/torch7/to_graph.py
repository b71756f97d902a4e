"""A module of Torch7's, and all that are in it, as the nodes of a `Graph`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.graph import Graph, Input, Node, shapes_after
from kerasbridge.importers.ir.ops import Dense, Flatten, Operation, Reshape, Shape, ShapeError, UnknownDimension
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.torch7.ops import OPERATIONS, PASSED, BatchDimension, InputInfo, Module, NotBrought

MAX_MODULES = 20_000
MAX_NESTED = 100
"""Containers in containers, more than any network has."""

Value = Any
"""What modules hand on: the name of a value of the network, or a list of such things, for a table of Lua's."""

Container = Callable[["ModuleConverter", Module, Value], Value]
"""Brings a module that is made of others, or that takes or gives tables."""


@dataclass
class ModuleConverter:
    """What grows while modules are brought.

    Args:
        batched: whether the network is read as one that takes batches; else its dimension 1 is a sample's first.
        containers: how each kind of module that takes more than a tensor is brought.
        shapes: of every value.
        faults: what cannot be brought.
        meets_batch: whether a module means a dimension that is that of the batch.
    """

    batched: bool
    containers: dict[str, Container]
    inputs: list[Input] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    converted: list[LayerReport] = field(default_factory=list)
    skipped: list[LayerReport] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    meets_batch: bool = False
    seen: int = 0
    nested: int = 0

    def feed(self, name: str, shape: Shape) -> Value:
        """Add an input."""
        self.inputs.append(Input(name, shape))
        self.shapes[name] = shape
        return name

    def bring(self, module: Module, value: Value) -> Value:
        """What a module makes of a value; one that cannot be brought hands it on, and is a fault."""
        self.seen, self.nested = self.seen + 1, self.nested + 1
        if self.seen > MAX_MODULES or self.nested > MAX_NESTED:
            raise LegacyFileError(f"has more than {MAX_MODULES:,} modules, or more than {MAX_NESTED} in each other.")
        try:
            return self._brought(module, value)
        except NotBrought as reason:
            self.faults.append(f"{module} has {reason}")
        except ShapeError as misfit:
            self.meets_batch |= isinstance(misfit, BatchDimension)
            if not self.faults:
                raise LegacyFileError(f"module {module} does not fit what it is given: {misfit}") from None
        finally:
            self.nested -= 1
        return value

    def _brought(self, module: Module, value: Value) -> Value:
        if module.kind in self.containers:
            return self.containers[module.kind](self, module, value)
        if module.kind in PASSED:
            self.skipped.append(LayerReport(module.place, module.type, "hands on what it is given"))
            return value
        if module.kind not in OPERATIONS:
            self.faults.append(f"{module} is unknown")
            return value
        self.note(module)
        given = self.given(value)
        return self.add(module, OPERATIONS[module.kind](module, given), [value])

    def note(self, module: Module) -> None:
        """Take down that a module is brought."""
        self.converted.append(LayerReport(module.place, module.type))

    def given(self, value: Value) -> InputInfo:
        """What a module sees of a value that has to be a tensor."""
        if not isinstance(value, str):
            raise ShapeError("expected a tensor, received a table")
        return InputInfo(self.shapes[value], self.batched)

    def add(self, module: Module, operations: Sequence[Operation], values: Sequence[str], part: str = "") -> str:
        """Add operations one after the other, the first of which takes all the values.

        Args:
            part: what they are for, where a module is several such rows.
        """
        place = f"{module.place}_{part}" if part else module.place
        for number, operation in enumerate(operations, 1):
            last = number == len(operations)
            name = place if last else f"{place}_{operation.label}"
            node = Node(name, module.type, operation, tuple(values), (self._new(name),))
            self.nodes.append(node)
            self.shapes[node.outputs[0]] = self._shape_after(node)
            values = node.outputs
        return values[0]

    def _shape_after(self, node: Node) -> Shape:
        given = [self.shapes[name] for name in node.inputs]
        try:
            return shapes_after(node, given)[0]
        except UnknownDimension:
            return _known_shape(node.operation, given[0])
        except LegacyFileError:
            if self.faults:
                return given[0]
            raise

    def _new(self, wanted: str) -> str:
        """A name that no value has."""
        name, number = wanted, 1
        while name in self.shapes:
            name, number = f"{wanted}_{number}", number + 1
        return name

    def network(self, value: Value) -> Graph:
        """The network whose outputs are in the value, in their order."""
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
    """What can be said of the result of an operation while the size of images is open."""
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
