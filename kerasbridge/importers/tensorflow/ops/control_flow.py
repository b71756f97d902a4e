"""Constants, variables, placeholders, copies, branches and function calls."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import DEAD, NOISE, Fault, ScalarPlaceholder, Tensor, Value
from kerasbridge.importers.tensorflow.variables import VariableHandle

Flow = Callable[[NodeContext], Any]


def constant(call: NodeContext) -> Value:
    """Const."""
    if not call.has("value"):
        raise Unsupported("has no value")
    return tensors.parse_tensor(call.node.attributes["value"].tensor)


def variable(call: NodeContext) -> Value:
    """Variable, VariableV2: its numbers."""
    return call.state.variables.read(call.node)


def var_handle(call: NodeContext) -> Value:
    """VarHandleOp: a variable that another node reads."""
    return VariableHandle(call.node)


def read_variable(call: NodeContext) -> Value:
    """ReadVariableOp."""
    (found,) = call.inputs[:1] or [None]
    if isinstance(found, VariableHandle):
        return call.state.variables.read(found.node)
    return found


def identity(call: NodeContext) -> Value:
    """Identity and its like."""
    return call.inputs[0] if call.inputs else None


def identity_n(call: NodeContext) -> Value:
    """IdentityN."""
    return [*call.inputs]


def placeholder(call: NodeContext) -> Value:
    """Placeholder: what is fed in training and is one number, or whether this is training."""
    if call.dtype("dtype") == tensors.BOOL:
        testing = any(word in call.node.name.lower() for word in ("test", "infer", "eval"))
        call.state.notes[f"{call.node.name}: taken as {testing}, as it is after training"] = None
        return np.array(testing)
    return ScalarPlaceholder(call.node.name)


def placeholder_with_default(call: NodeContext) -> Value:
    """PlaceholderWithDefault: its default."""
    found = call.inputs[0]
    if isinstance(found, np.ndarray) and found.dtype == bool and found.all():
        call.state.notes[f"{call.node.name}: taken as False, as it is after training"] = None
        return np.zeros_like(found)
    return found


def switch(call: NodeContext) -> Value:
    """Switch: gives its input to one of two branches."""
    value, chosen = call.inputs
    if value is DEAD or chosen is DEAD:
        return DEAD
    taken = _condition(call, chosen)
    return chosen if isinstance(taken, Fault) else [DEAD, value] if taken else [value, DEAD]


def merge(call: NodeContext) -> Value:
    """Merge: the input of the branch that was taken."""
    alive = [(place, value) for place, value in enumerate(call.inputs) if value is not DEAD]
    if not alive:
        return DEAD
    if len(alive) > 1:
        raise Unsupported("has two branches of which either may be taken, or a loop")
    place, value = alive[0]
    return [value, np.array(place, np.int32)]


def if_(call: NodeContext) -> Value:
    """If, StatelessIf: a call of one of two functions."""
    if call.inputs[0] is DEAD:
        return DEAD
    taken = _condition(call, call.inputs[0])
    if isinstance(taken, Fault):
        return taken
    name = call.node.attributes["then_branch" if taken else "else_branch"].func.name
    return call.call_function(name, call.inputs[1:])


def _condition(call: NodeContext, chosen: Value) -> Any:
    if isinstance(chosen, Fault):
        return chosen
    if not isinstance(chosen, np.ndarray) or chosen.size != 1 or chosen.dtype == object:
        raise Unsupported("has branches of which the data choose one")
    return bool(chosen.reshape(-1)[0])


def partitioned_call(call: NodeContext) -> Value:
    """PartitionedCall, StatefulPartitionedCall."""
    if call.inputs and all(value is DEAD for value in call.inputs):
        return DEAD
    return call.call_function(call.node.attributes["f"].func.name, call.inputs)


def random(call: NodeContext) -> Value:
    """Numbers drawn at random."""
    return DEAD if any(value is DEAD for value in call.inputs) else NOISE


def shape(call: NodeContext) -> Value:
    """Shape, of what is known or not: sizes."""
    found = _input_shape(call)
    return (
        found
        if found is DEAD or isinstance(found, Fault)
        else np.array(found, object if _is_symbolic(found) else np.int64)
    )


def size(call: NodeContext) -> Value:
    """Size."""
    found = _input_shape(call)
    return found if found is DEAD or isinstance(found, Fault) else np.array(np.prod(np.array([1, *found], object)))


def rank(call: NodeContext) -> Value:
    """Rank."""
    found = _input_shape(call)
    return found if found is DEAD or isinstance(found, Fault) else np.array(len(found), np.int32)


def _is_symbolic(sizes: list[Any]) -> bool:
    return not all(isinstance(one, int | np.integer) for one in sizes)


def _input_shape(call: NodeContext) -> Any:
    (value,) = call.inputs[:1] or [None]
    if isinstance(value, Tensor):
        return call.symbolic_shape(value)
    if isinstance(value, np.ndarray):
        return list(value.shape)
    if value is DEAD or isinstance(value, Fault):
        return value
    if isinstance(value, ScalarPlaceholder):
        return []
    raise Unsupported("has an input without a size")


def print_(call: NodeContext) -> Value:
    """Return the input of an operation that only prints it."""
    call.state.skipped.append(LayerReport(call.node.name, call.node.op, "it only watches"))
    return identity(call)


FLOW: dict[str, Flow] = {
    "CheckNumerics": identity,
    "Const": constant,
    "DebugGradientIdentity": identity,
    "DeepCopy": identity,
    "EnsureShape": identity,
    "Identity": identity,
    "IdentityN": identity_n,
    "If": if_,
    "Merge": merge,
    "Multinomial": random,
    "PartitionedCall": partitioned_call,
    "Placeholder": placeholder,
    "PlaceholderV2": placeholder,
    "PlaceholderWithDefault": placeholder_with_default,
    "PlaceholderWithDefaultV2": placeholder_with_default,
    "PreventGradient": identity,
    "Print": print_,
    "PrintV2": print_,
    "RandomStandardNormal": random,
    "RandomUniform": random,
    "RandomUniformInt": random,
    "Rank": rank,
    "ReadVariableOp": read_variable,
    "RefIdentity": identity,
    "RefMerge": merge,
    "RefSwitch": switch,
    "Shape": shape,
    "Size": size,
    "Snapshot": identity,
    "StatefulPartitionedCall": partitioned_call,
    "StatelessIf": if_,
    "StatelessRandomUniform": random,
    "StatelessRandomUniformV2": random,
    "StopGradient": identity,
    "Switch": switch,
    "TruncatedNormal": random,
    "VarHandleOp": var_handle,
    "Variable": variable,
    "VariableV2": variable,
}
"""By the name of an operation where its outputs come from."""
