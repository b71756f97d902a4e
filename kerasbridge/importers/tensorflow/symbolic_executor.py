"""A graph is followed from its inputs to its outputs: what is known is computed, what depends on the inputs becomes a
`Graph`, functions are entered, branches for training are left out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.execution_state import ExecutionState
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_function
from kerasbridge.importers.tensorflow.node_context import NodeContext
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

_MAX_DEPTH = 64
"""Functions within functions."""

_MAX_NODES = 2_000_000
"""That are followed, functions counted as often as they are called."""


class _AtNode(LegacyFileError):
    """An error whose message names the node."""


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
        """Return the value of an output of a node."""
        name, place = reference
        found = self.values[name]
        if isinstance(found, list):
            return found[place] if place < len(found) else None
        return found if place == 0 or not isinstance(found, Tensor) else None


@dataclass(frozen=True)
class OpTables:
    """Handlers of operations, by name.

    Args:
        control_flow: operations that return a value without computing one, and those that choose a branch.
        constant_folding: operations on constants.
        operations: operations on values of the network.
        rowwise: operations of the network that do the same with each row of numbers.
        match_dropout: returns the result of an operation on random numbers, or on a number fed at each step.
    """

    control_flow: Mapping[str, Callable[[NodeContext], Any]]
    constant_folding: Mapping[str, Callable[[NodeContext], Any]]
    operations: Mapping[str, Callable[[NodeContext], Any]]
    rowwise: Collection[str]
    match_dropout: Callable[[NodeContext], Any]


@dataclass
class SymbolicExecutor:
    """Executes graphs on symbolic values.

    Args:
        functions: the FunctionDefs, by name.
        state: the graph that grows meanwhile.
        tables: how operations are executed.
    """

    functions: Mapping[str, Any]
    state: ExecutionState
    tables: OpTables
    _bodies: dict[str, Graph] = field(default_factory=dict)
    _executed: int = 0

    def run(self, scope: Scope, outputs: Sequence[Reference]) -> list[Value]:
        """Return the values of outputs of nodes."""
        for node in scope.graph.topological_order([name for name, _ in outputs], scope.values):
            self._executed += 1
            if self._executed > _MAX_NODES:
                raise LegacyFileError(f"has more than {_MAX_NODES:,} nodes.")
            scope.values[node.name] = self._result(node, scope)
        return [scope.value(reference) for reference in outputs]

    def _call_function(self, caller: str, depth: int, function: str, arguments: Sequence[Value]) -> list[Value]:
        """Return the results of a function."""
        if function not in self.functions:
            raise Unsupported(f"has a function {function!r} that is not there")
        if depth >= _MAX_DEPTH:
            raise Unsupported("has functions that call each other without an end")
        if function not in self._bodies:
            self._bodies[function] = parse_function(self.functions[function])
        body = self._bodies[function]
        if len(arguments) != len(body.arguments):
            raise Unsupported(f"has {len(arguments)} inputs for a function of {len(body.arguments)}")
        values = dict(zip(body.arguments, ([argument] for argument in arguments), strict=True))
        return self.run(Scope(body, values, f"{caller}/", depth + 1), body.results)

    def fault(self, reason: str) -> Fault:
        """Return the value of a node that cannot be converted."""
        return Fault(frozenset([(self._executed, reason)]))

    def _result(self, node: Node, scope: Scope) -> Any:
        inputs = [scope.value(reference) for reference in node.inputs if node.op != "NextIteration"]
        name = scope.prefix + node.name
        call = NodeContext(node, inputs, self.state, name, partial(self._call_function, name, scope.depth))
        try:
            return self._computed(call)
        except Unsupported as reason:
            return _joined([self.fault(f"{node} {reason}"), *inputs])
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
            if isinstance(error, LegacyFileError):
                raise error if isinstance(error, _AtNode) else _AtNode(f"node {node}: {error}") from None
            return _joined([self.fault(f"{node} has inputs or options that do not fit it"), *inputs])

    def _computed(self, call: NodeContext) -> Any:
        op, inputs = call.node.op, call.inputs
        if op in self.tables.control_flow:
            return self.tables.control_flow[op](call)
        if op in self.functions:
            return call.call_function(op, inputs)
        if any(value is DEAD for value in inputs):
            return DEAD
        if op in self.tables.constant_folding and all(isinstance(value, np.ndarray) for value in inputs):
            return self.tables.constant_folding[op](call)
        if any(value is NOISE or isinstance(value, ScalarPlaceholder) for value in inputs):
            return self.tables.match_dropout(call)
        if op not in self.tables.operations:
            return _joined([self.fault(f"{call.node} is unknown"), *inputs])
        if any(value is None for value in inputs):
            raise Unsupported("has an input that its node does not give")
        if any(isinstance(value, Fault | ScaledByPlaceholder) for value in inputs):
            return _joined([_as_fault(self, value) for value in inputs])
        if op in self.tables.rowwise and any(isinstance(value, UnstackedRows) for value in inputs):
            return _in_rows(call, self.tables.operations[op])
        return self.tables.operations[op](call)


def _in_rows(call: NodeContext, operation: Callable[[NodeContext], Any]) -> UnstackedRows:
    """Apply an operation to unstacked rows, which is the same as applying it to the samples."""
    if any(isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.ndim > 2) for value in call.inputs):
        raise Unsupported("has a mix of unstacked rows and whole batches")
    inner = [value.tensor if isinstance(value, UnstackedRows) else value for value in call.inputs]
    return UnstackedRows(operation(replace(call, inputs=inner)))


def _as_fault(executor: SymbolicExecutor, value: Value) -> Value:
    if isinstance(value, ScaledByPlaceholder):
        return executor.fault(f"{value.knob.name!r} (Placeholder) is one number that has to be fed")
    return value


def _joined(values: Sequence[Value]) -> Fault:
    return Fault(frozenset[tuple[int, str]]().union(*(one.reasons for one in values if isinstance(one, Fault))))
