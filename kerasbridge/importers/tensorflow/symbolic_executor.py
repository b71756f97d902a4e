"""A graph is followed from its inputs to its outputs: what is known is computed, what depends on the inputs becomes a
`Graph`, functions are entered, branches for training are left out."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir import graph as network
from kerasbridge.importers.ir.ops import Operation
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_function
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.node_names import layer_name
from kerasbridge.importers.tensorflow.ops import FLOW, FOLDS, OPERATIONS, ROW_BY_ROW
from kerasbridge.importers.tensorflow.symbolic_values import (
    DEAD,
    NOISE,
    Fault,
    ScalarPlaceholder,
    ScaledByPlaceholder,
    Tensor,
    UnstackedRows,
    Value,
)
from kerasbridge.importers.tensorflow.variables import Variables

_MAX_DEPTH = 64
"""Functions within functions."""

_MAX_NODES = 2_000_000
"""That are followed, functions counted as often as they are called."""


class _AtNode(LegacyFileError):
    """What is wrong, with the node where it is."""


@dataclass
class Scope:
    """A graph, or one call of a function, and what its nodes give.

    Args:
        values: by name of node or argument: one value, or a list where it has several outputs.
        prefix: the names of the calls around it.
    """

    graph: Graph
    values: dict[str, Any]
    prefix: str = ""
    depth: int = 0

    def value(self, reference: Reference) -> Value:
        """What an output of a node is."""
        name, place = reference
        found = self.values[name]
        if isinstance(found, list):
            return found[place] if place < len(found) else None
        return found if place == 0 or not isinstance(found, Tensor) else None


@dataclass
class SymbolicExecutor:
    """What is found while graphs are followed.

    Args:
        functions: the FunctionDefs, by name.
        variables: what the variables hold.
        nodes: of the network.
        notes: what there is to know.
        parts: the names of nodes that are a part of another, and are not told of.
        batch: the size of batches, where the file fixes it.
    """

    functions: Mapping[str, Any]
    variables: Variables
    nodes: list[network.Node] = field(default_factory=list)
    substituted: dict[LayerReport, None] = field(default_factory=dict)
    skipped: dict[LayerReport, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    inputs: list[network.Input] = field(default_factory=list)
    parts: set[str] = field(default_factory=set)
    batch: int | None = None
    makers: dict[str, network.Node] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    _bodies: dict[str, Graph] = field(default_factory=dict)
    _followed: int = 0

    def feed(self, entry: network.Input, tensor: Tensor) -> None:
        """Add an input of the network."""
        self.inputs.append(entry)
        self.tensors[tensor.name] = tensor

    def follow(self, scope: Scope, wanted: Sequence[Reference]) -> list[Value]:
        """What the outputs of nodes are."""
        for node in scope.graph.topological_order([name for name, _ in wanted], scope.values):
            self._followed += 1
            if self._followed > _MAX_NODES:
                raise LegacyFileError(f"has more than {_MAX_NODES:,} nodes.")
            scope.values[node.name] = self._result(node, scope)
        return [scope.value(reference) for reference in wanted]

    def called(self, call: NodeContext, function: str, arguments: Sequence[Value], scope: Scope) -> list[Value]:
        """What a function gives for values."""
        if function not in self.functions:
            raise Unsupported(f"has a function {function!r} that is not there")
        if scope.depth >= _MAX_DEPTH:
            raise Unsupported("has functions that call each other without an end")
        if function not in self._bodies:
            self._bodies[function] = parse_function(self.functions[function])
        body = self._bodies[function]
        if len(arguments) != len(body.arguments):
            raise Unsupported(f"has {len(arguments)} inputs for a function of {len(body.arguments)}")
        values = dict(zip(body.arguments, ([one] for one in arguments), strict=True))
        inner = Scope(body, values, f"{call.name}/", scope.depth + 1)
        return self.follow(inner, body.results)

    def add(self, call: NodeContext, operation: Operation, inputs: Sequence[str], results: int, part: str) -> list[str]:
        """Add an operation to the network, and gives the names of its results."""
        name = layer_name(call.node) + (f"/{part}" if part else "")
        places = itertools.count(len(self.nodes))
        names = [f"{name}:{next(places)}:{place}" for place in range(results)]
        if part:
            self.parts.add(name)
        node = network.Node(name, call.node.op, operation, tuple(inputs), tuple(names))
        self.nodes.append(node)
        self.makers.update(dict.fromkeys(names, node))
        return names

    def fault(self, reason: str) -> Fault:
        """What cannot be brought."""
        return Fault(frozenset([(self._followed, reason)]))

    def _result(self, node: Node, scope: Scope) -> Any:
        inputs = [scope.value(reference) for reference in node.inputs if node.op != "NextIteration"]
        call = NodeContext(node, inputs, self, scope.prefix + node.name)
        try:
            return self._computed(call, scope)
        except Unsupported as reason:
            return _joined([self.fault(f"{node} {reason}"), *inputs])
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
            if isinstance(error, LegacyFileError):
                raise error if isinstance(error, _AtNode) else _AtNode(f"node {node}: {error}") from None
            return _joined([self.fault(f"{node} has inputs or options that do not fit it"), *inputs])

    def _computed(self, call: NodeContext, scope: Scope) -> Any:
        op, inputs = call.node.op, call.inputs
        if op in FLOW:
            return FLOW[op](call, scope)
        if op in self.functions:
            return self.called(call, op, inputs, scope)
        if any(value is DEAD for value in inputs):
            return DEAD
        if op in FOLDS and all(isinstance(value, np.ndarray) for value in inputs):
            return FOLDS[op](call)
        if any(value is NOISE or isinstance(value, ScalarPlaceholder) for value in inputs):
            return _loose(call)
        if op not in OPERATIONS:
            return _joined([self.fault(f"{call.node} is unknown"), *inputs])
        if any(value is None for value in inputs):
            raise Unsupported("has an input that its node does not give")
        if any(isinstance(value, Fault | ScaledByPlaceholder) for value in inputs):
            return _joined([_as_fault(self, value) for value in inputs])
        if op in ROW_BY_ROW and any(isinstance(value, UnstackedRows) for value in inputs):
            return _in_rows(call)
        return OPERATIONS[op](call)


def _in_rows(call: NodeContext) -> UnstackedRows:
    """What an operation makes of rows that were samples, which is what it makes of the samples."""
    if any(isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.ndim > 2) for value in call.inputs):
        raise Unsupported("has rows beside what are none")
    inner = [value.tensor if isinstance(value, UnstackedRows) else value for value in call.inputs]
    return UnstackedRows(OPERATIONS[call.node.op](replace(call, inputs=inner)))


def _as_fault(tracer: SymbolicExecutor, value: Value) -> Value:
    if isinstance(value, ScaledByPlaceholder):
        return tracer.fault(f"{value.knob.name!r} (Placeholder) is one number that has to be fed")
    return value


def _joined(values: Sequence[Value]) -> Fault:
    return Fault(frozenset[tuple[int, str]]().union(*(one.reasons for one in values if isinstance(one, Fault))))


def _loose(call: NodeContext) -> Any:
    """What depends on numbers that are drawn, or fed at each step: a dropout is what it is applied to."""
    from kerasbridge.importers.tensorflow.ops.dropout import match_dropout

    return match_dropout(call)
