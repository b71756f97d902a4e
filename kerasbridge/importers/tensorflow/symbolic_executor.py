"""Execute a TensorFlow graph on symbolic values.

Constants are computed, operations that depend on the inputs are added to a `Graph`, functions are inlined, and branches
for training are left out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from kerasbridge.errors import LegacyFileError
from kerasbridge.files.budget import spend
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.constant_limits import check_operands, check_result
from kerasbridge.importers.tensorflow.execution_state import ExecutionState
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_function
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import (
    DEAD,
    NOISE,
    Fault,
    ScalarPlaceholder,
    ScaledByPlaceholder,
    StackedBatches,
    Tensor,
    UnstackedRows,
    Value,
    join_faults,
)

MAX_DEPTH = 64
"""The maximum depth of function calls."""

_STEPS_PER_NODE, _MEMORY_PER_NODE = 40, 2_000

_OPS_OF_STACKS = ("Max", "Mean", "Min", "Sum", "Unpack")
"""Operations that take stacked batches."""


class _AtNode(LegacyFileError):
    """An error whose message names the node."""


@dataclass
class Scope:
    """A graph, or one call of a function, with the values of its nodes.

    Args:
        values: by the name of a node or argument, one value, or a list for several outputs.
        prefix: the names of the calls around it.
    """

    graph: Graph
    values: dict[str, Any]
    prefix: str = ""
    depth: int = 0

    def value(self, reference: Reference) -> Value:
        """Return the value of an output of a node."""
        name, output = reference
        value = self.values[name]
        if isinstance(value, list):
            return value[output] if output < len(value) else None
        return value if output == 0 or not isinstance(value, Tensor) else None


@dataclass(frozen=True)
class OpTables:
    """Handlers of operations, by operation; `ops.base` describes the tables.

    Args:
        match_dropout: returns the result of an operation on random numbers, or on a number fed at each step.
    """

    control_flow: Mapping[str, Callable[[NodeContext], Any]]
    folds: Mapping[str, Callable[[NodeContext], Any]]
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
            spend(steps=_STEPS_PER_NODE + len(node.inputs), memory=_MEMORY_PER_NODE)
            scope.values[node.name] = self._execute(node, scope)
        return [scope.value(reference) for reference in outputs]

    def _call_function(self, caller: str, depth: int, function: str, arguments: Sequence[Value]) -> list[Value]:
        """Return the results of a function."""
        if function not in self.functions:
            raise Unsupported(f"has a function {function!r} that is not there")
        if depth >= MAX_DEPTH:
            raise Unsupported("has functions that call each other without an end")
        if function not in self._bodies:
            self._bodies[function] = parse_function(self.functions[function])
        body = self._bodies[function]
        if len(arguments) != len(body.arguments):
            raise Unsupported(f"has {len(arguments)} inputs for a function of {len(body.arguments)}")
        values = dict(zip(body.arguments, ([argument] for argument in arguments), strict=True))
        return self.run(Scope(body, values, f"{caller}/", depth + 1), body.results)

    def _fault(self, reason: str) -> Fault:
        """Return the value of a node that cannot be converted."""
        return Fault(frozenset([(self._executed, reason)]))

    def _execute(self, node: Node, scope: Scope) -> Any:
        """Return the value of a node; a fault if it cannot be converted."""
        inputs = [scope.value(reference) for reference in node.inputs if node.op != "NextIteration"]
        name = scope.prefix + node.name
        context = NodeContext(node, inputs, self.state, name, partial(self._call_function, name, scope.depth))
        try:
            return self._compute(context)
        except Unsupported as reason:
            return join_faults([self._fault(f"{node} {reason}"), *inputs])
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
            if isinstance(error, LegacyFileError):
                raise error if isinstance(error, _AtNode) else _AtNode(f"node {node}: {error}") from None
            return join_faults([self._fault(f"{node} has inputs or options that do not fit it"), *inputs])

    def _compute(self, context: NodeContext) -> Any:
        op, inputs = context.op, context.inputs
        if op in self.tables.control_flow:
            return self.tables.control_flow[op](context)
        if op in self.functions:
            return context.call_function(op, inputs)
        if any(value is DEAD for value in inputs):
            return DEAD
        if op in self.tables.folds and all(isinstance(value, np.ndarray) for value in inputs):
            check_operands(op, inputs)
            return check_result(self.tables.folds[op](context))
        if any(value is NOISE or isinstance(value, ScalarPlaceholder) for value in inputs):
            return self.tables.match_dropout(context)
        if op not in self.tables.operations:
            return join_faults([self._fault(f"{context.node} is unknown"), *inputs])
        if any(value is None for value in inputs):
            raise Unsupported("has an input that its node does not give")
        if any(isinstance(value, Fault | ScaledByPlaceholder) for value in inputs):
            return join_faults([self._as_fault(value) for value in inputs])
        if op not in _OPS_OF_STACKS and any(isinstance(value, StackedBatches) for value in inputs):
            raise Unsupported("has batches that become one")
        if op in self.tables.rowwise and any(isinstance(value, UnstackedRows) for value in inputs):
            return _apply_rowwise(context, self.tables.operations[op])
        return self.tables.operations[op](context)

    def _as_fault(self, value: Value) -> Value:
        if isinstance(value, ScaledByPlaceholder):
            return self._fault(f"{value.placeholder.name!r} (Placeholder) is one number that has to be fed")
        return value


def _apply_rowwise(context: NodeContext, operation: Callable[[NodeContext], Any]) -> UnstackedRows:
    """Apply an operation to unstacked rows, which is the same as applying it to the samples."""
    if any(isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.ndim > 2) for value in context.inputs):
        raise Unsupported("has a mix of unstacked rows and whole batches")
    inputs = [value.tensor if isinstance(value, UnstackedRows) else value for value in context.inputs]
    return UnstackedRows(operation(replace(context, inputs=inputs)))
