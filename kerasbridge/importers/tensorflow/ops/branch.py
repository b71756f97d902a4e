"""Branches: Switch and Merge of TensorFlow 1, If of TensorFlow 2, and function calls."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import executes
from kerasbridge.importers.tensorflow.symbolic_values import DEAD, Fault, Value


@executes("Switch", "RefSwitch")
def switch(context: NodeContext) -> Value:
    """Pass the input on to one of two branches."""
    value, condition = context.inputs
    if value is DEAD or condition is DEAD:
        return DEAD
    is_true = _parse_condition(condition)
    return condition if isinstance(is_true, Fault) else [DEAD, value] if is_true else [value, DEAD]


@executes("Merge", "RefMerge")
def merge(context: NodeContext) -> Value:
    """Return the input from the branch that is not dead, and its index."""
    alive = [(place, value) for place, value in enumerate(context.inputs) if value is not DEAD]
    if not alive:
        return DEAD
    if len(alive) > 1:
        raise Unsupported("has two branches of which either may be taken, or a loop")
    place, value = alive[0]
    return [value, np.array(place, np.int32)]


@executes("If", "StatelessIf")
def if_(context: NodeContext) -> Value:
    """Call one of two functions."""
    if context.inputs[0] is DEAD:
        return DEAD
    is_true = _parse_condition(context.inputs[0])
    if isinstance(is_true, Fault):
        return is_true
    name = context.node.attributes["then_branch" if is_true else "else_branch"].func.name
    return context.call_function(name, context.inputs[1:])


def _parse_condition(condition: Value) -> Any:
    """Return a condition as a bool, or the fault that it depends on."""
    if isinstance(condition, Fault):
        return condition
    if not isinstance(condition, np.ndarray) or condition.size != 1 or condition.dtype == object:
        raise Unsupported("has branches of which the data choose one")
    return bool(condition.reshape(-1)[0])


@executes("PartitionedCall", "StatefulPartitionedCall")
def partitioned_call(context: NodeContext) -> Value:
    """Call a function."""
    if context.inputs and all(value is DEAD for value in context.inputs):
        return DEAD
    return context.call_function(context.node.attributes["f"].func.name, context.inputs)
