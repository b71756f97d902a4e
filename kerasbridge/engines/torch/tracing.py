"""Tracing of a training or test step to a graph of ATen operations, which is simplified and replayed."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Graph, Node

from kerasbridge.engines.base import Data
from kerasbridge.engines.stateless import MissingVariablesError, functionalize
from kerasbridge.engines.step import Step, Tensor
from kerasbridge.engines.torch.bit_masks import select_by_bits
from kerasbridge.engines.torch.codegen import compile_graph
from kerasbridge.engines.torch.cond import CopyingOverlay
from kerasbridge.engines.torch.passes import drop_aliases, fold_constants, mutated_nodes, reuse_memory
from kerasbridge.engines.torch.plain import operations_of_the_trace
from kerasbridge.engines.torch.recorder import ForbidNumpy, Recording, record
from kerasbridge.engines.torch.replacements import TraceableFunctions
from kerasbridge.engines.torch.simplify import remove_redundant
from kerasbridge.engines.torch.tracing_time import tracing_time
from kerasbridge.errors import KerasbridgeError
from kerasbridge.keras_compat.origin import origin_of
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.runtime.clock import clock

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


NEEDS_VALUE = ("aten._local_scalar_dense", "aten.equal", "data-dependent")
"""Parts of torch's errors when the value of a traced tensor is needed."""


class UntraceableError(Exception):
    """The step needs the value of a tensor in Python, or fails in another way while it is traced."""


class TracedStep:
    """A traced step: `begin` copies the state, `step` advances the copy, `commit` writes it to the variables.

    Keras optimizers on torch update in place, and so does the trace: on the copy, never on the variables.
    """

    def __init__(self, step: Step, take: Callable[[Data, Tensor], Data], data: Data, row: Tensor) -> None:
        self._variables = step.variables
        values = [variable.value.detach().clone() for variable in step.variables]
        (graph, attributes), self._names = _trace(step, take, values, data, row)
        start = clock()
        drop_aliases(graph)
        self._constants = fold_constants(graph, attributes, _output(graph).args[0][: len(values)])
        remove_redundant(graph, _output(graph).args[0][: len(values)])
        inputs = list(graph.find_nodes(op="placeholder"))
        of_constants = inputs[len(inputs) - len(self._constants) :]
        select_by_bits(graph, dict(zip(of_constants, self._constants, strict=True)))
        inputs, outputs = inputs[: len(values)], list(_output(graph).args[0])
        self._assigned = [k for k, node in enumerate(inputs) if outputs[k] is not node]
        overwritten = mutated_nodes(graph)
        self._changed = [k for k, node in enumerate(inputs) if outputs[k] is not node or node in overwritten]
        kept, rest = [outputs[k] for k in self._assigned], outputs[len(values) :]
        self._with_logs = _returning(graph, (*kept, *rest))
        self._without_logs = _returning(graph, (*kept, rest[0]))
        tracing_time.record(len(graph.nodes), 2 * (clock() - start))  # recording takes as long again

    @property
    def changed_variables(self) -> list[Any]:
        """The variables that the step writes."""
        return [self._variables[k] for k in self._changed]

    def begin(self) -> list[Tensor]:
        """Return the values of the variables; those that the step changes are copies."""
        state = [variable.value.detach() for variable in self._variables]
        for k in self._changed:
            state[k] = state[k].clone()
        return state

    def tensors(self, data: Data) -> list[Tensor]:
        """Return the tensors of the data: the inputs of the graph between the state and the row."""
        return _leaves(data)

    def step(self, state: list[Tensor], data: list[Tensor], row: Tensor) -> Tensor:
        """Run one step without computing its logs; return its report."""
        *assigned, report = self._without_logs(*state, *data, row, *self._constants)
        self._assign(state, assigned)
        return report

    def step_with_logs(self, state: list[Tensor], data: list[Tensor], row: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Run one step; return its report and its logs."""
        outputs = self._with_logs(*state, *data, row, *self._constants)
        count = len(self._assigned)
        self._assign(state, outputs[:count])
        return outputs[count], dict(zip(self._names, outputs[count + 1 :], strict=True))

    def commit(self, state: list[Tensor]) -> None:
        """Write the changed values to the variables."""
        for k in self._changed:
            self._variables[k].assign(state[k])

    def _assign(self, state: list[Tensor], assigned: Any) -> None:
        for k, value in zip(self._assigned, assigned, strict=True):
            state[k] = value


def _trace(
    step: Step, take: Callable[[Data, Tensor], Data], values: list[Tensor], data: Data, row: Tensor
) -> tuple[Recording, list[str]]:
    """Return the step as a graph from (values, data, row) to (new values, report, logs), and the names of the logs."""
    run = functionalize(step, CopyingOverlay)
    names: list[str] = []

    def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
        leaves = iter(tensors[len(values) : -1])
        batch = take(map_tensors(lambda _: next(leaves), data), tensors[-1])
        with ForbidNumpy(), operations_of_the_trace(), TraceableFunctions():
            new_values, (report, logs) = run(tensors[: len(values)], batch)
        names[:] = list(logs)
        new_values = [_laid_out_like(*pair) for pair in zip(new_values, values, strict=True)]
        return (*new_values, report, *(torch.as_tensor(log) for log in logs.values()))

    leaves = [leaf.view_as(leaf) for leaf in _leaves(data)]
    try:
        return record(flat, *values, *leaves, row.view_as(row)), names
    except (KerasbridgeError, MissingVariablesError):
        raise
    except Exception as error:
        # A step that is wrong rather than untraceable raises the same error again when it runs eagerly.
        raise UntraceableError(_reason(error)) from error


def _laid_out_like(value: Tensor, before: Tensor) -> Tensor:
    """Return a new value with the memory layout of the old one: the next step reads it as it was traced."""
    return value.contiguous() if before.is_contiguous() else value


def _leaves(data: Data) -> list[Tensor]:
    found: list[Tensor] = []
    map_tensors(found.append, data)
    return found


def _output(graph: Graph) -> Node:
    return next(iter(graph.find_nodes(op="output")))


def _returning(graph: Graph, outputs: tuple[Node, ...]) -> Callable[..., Any]:
    """Return the graph as a Python function with these outputs, without operations that they do not need."""
    needed = Graph()
    copies: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.op != "output":
            copies[node] = needed.node_copy(node, copies.__getitem__)
    needed.output(tuple(copies[node] for node in outputs))
    needed.eliminate_dead_code()
    reuse_memory(needed)
    return compile_graph(needed)


def _reason(error: Exception) -> str:
    """Return why a step cannot be traced, and which part of the model or line of the user's code is the cause."""
    lines = [_ANSI.sub("", line).strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    message = lines[0] if lines else type(error).__name__
    if any(part in message for part in NEEDS_VALUE):
        message = "the value of a tensor is needed in Python"
    return f"the step cannot be traced: {message}{_in(error)}"


def _in(error: Exception) -> str:
    origin = origin_of(error)
    return f" ({origin})" if origin else ""
