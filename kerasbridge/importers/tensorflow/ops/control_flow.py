"""Where values come from and go to: constants, variables, placeholders, copies, branches, functions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.node_context import Call, NotBrought
from kerasbridge.importers.tensorflow.symbolic_values import DEAD, NOISE, Fault, Knob, Tensor, Value
from kerasbridge.importers.tensorflow.variables import Handle

if TYPE_CHECKING:
    from kerasbridge.importers.tensorflow.symbolic_executor import Scope

Flow = Callable[[Call, "Scope"], Any]


def constant(call: Call, scope: "Scope") -> Value:
    """Const."""
    if not call.has("value"):
        raise NotBrought("no value")
    return tensors.array(call.node.attributes["value"].tensor)


def variable(call: Call, scope: "Scope") -> Value:
    """Variable, VariableV2: its numbers."""
    return call.tracer.variables.read(call.node)


def handle(call: Call, scope: "Scope") -> Value:
    """VarHandleOp: a variable that another node reads."""
    return Handle(call.node)


def read(call: Call, scope: "Scope") -> Value:
    """ReadVariableOp."""
    (found,) = call.inputs[:1] or [None]
    if isinstance(found, Handle):
        return call.tracer.variables.read(found.node)
    return found


def passed(call: Call, scope: "Scope") -> Value:
    """Identity and its like."""
    return call.inputs[0] if call.inputs else None


def all_passed(call: Call, scope: "Scope") -> Value:
    """IdentityN."""
    return [*call.inputs]


def placeholder(call: Call, scope: "Scope") -> Value:
    """Placeholder: what is fed in training and is one number, or whether this is training."""
    if call.dtype("dtype") == tensors.BOOL:
        testing = any(word in call.node.name.lower() for word in ("test", "infer", "eval"))
        call.tracer.notes[f"{call.node.name}: taken as {testing}, as it is after training"] = None
        return np.array(testing)
    return Knob(call.node.name)


def default(call: Call, scope: "Scope") -> Value:
    """PlaceholderWithDefault: its default."""
    found = call.inputs[0]
    if isinstance(found, np.ndarray) and found.dtype == bool and found.all():
        call.tracer.notes[f"{call.node.name}: taken as False, as it is after training"] = None
        return np.zeros_like(found)
    return found


def switch(call: Call, scope: "Scope") -> Value:
    """Switch: gives its input to one of two branches."""
    value, chosen = call.inputs
    if value is DEAD or chosen is DEAD:
        return DEAD
    taken = _decided(call, chosen)
    return chosen if isinstance(taken, Fault) else [DEAD, value] if taken else [value, DEAD]


def merge(call: Call, scope: "Scope") -> Value:
    """Merge: the input of the branch that was taken."""
    alive = [(place, value) for place, value in enumerate(call.inputs) if value is not DEAD]
    if not alive:
        return DEAD
    if len(alive) > 1:
        raise NotBrought("two branches of which either may be taken, or a loop")
    place, value = alive[0]
    return [value, np.array(place, np.int32)]


def branch(call: Call, scope: "Scope") -> Value:
    """If, StatelessIf: a call of one of two functions."""
    if call.inputs[0] is DEAD:
        return DEAD
    taken = _decided(call, call.inputs[0])
    if isinstance(taken, Fault):
        return taken
    name = call.node.attributes["then_branch" if taken else "else_branch"].func.name
    return call.tracer.called(call, name, call.inputs[1:], scope)


def _decided(call: Call, chosen: Value) -> Any:
    if isinstance(chosen, Fault):
        return chosen
    if not isinstance(chosen, np.ndarray) or chosen.size != 1 or chosen.dtype == object:
        raise NotBrought("branches of which the data choose one")
    return bool(chosen.reshape(-1)[0])


def function(call: Call, scope: "Scope") -> Value:
    """PartitionedCall, StatefulPartitionedCall."""
    if call.inputs and all(value is DEAD for value in call.inputs):
        return DEAD
    return call.tracer.called(call, call.node.attributes["f"].func.name, call.inputs, scope)


def noise(call: Call, scope: "Scope") -> Value:
    """Numbers drawn at random."""
    return DEAD if any(value is DEAD for value in call.inputs) else NOISE


def shape(call: Call, scope: "Scope") -> Value:
    """Shape, of what is known or not: sizes."""
    found = _sizes(call)
    return found if found is DEAD or isinstance(found, Fault) else np.array(found, object if _open(found) else np.int64)


def size(call: Call, scope: "Scope") -> Value:
    """Size."""
    found = _sizes(call)
    return found if found is DEAD or isinstance(found, Fault) else np.array(np.prod(np.array([1, *found], object)))


def rank(call: Call, scope: "Scope") -> Value:
    """Rank."""
    found = _sizes(call)
    return found if found is DEAD or isinstance(found, Fault) else np.array(len(found), np.int32)


def _open(sizes: list[Any]) -> bool:
    return not all(isinstance(one, int | np.integer) for one in sizes)


def _sizes(call: Call) -> Any:
    (value,) = call.inputs[:1] or [None]
    if isinstance(value, Tensor):
        return call.sizes(value)
    if isinstance(value, np.ndarray):
        return list(value.shape)
    if value is DEAD or isinstance(value, Fault):
        return value
    if isinstance(value, Knob):
        return []
    raise NotBrought("an input without a size")


def dropped(call: Call, scope: "Scope") -> Value:
    """What watches a value, and gives it."""
    call.tracer.skipped[LayerReport(call.node.name, call.node.op, "it only watches")] = None
    return passed(call, scope)


FLOW: dict[str, Flow] = {
    "CheckNumerics": passed, "Const": constant, "DebugGradientIdentity": passed, "DeepCopy": passed,
    "EnsureShape": passed, "Identity": passed, "IdentityN": all_passed, "If": branch, "Merge": merge,
    "Multinomial": noise, "PartitionedCall": function, "Placeholder": placeholder, "PlaceholderV2": placeholder,
    "PlaceholderWithDefault": default, "PlaceholderWithDefaultV2": default, "PreventGradient": passed, "Print": dropped,
    "PrintV2": dropped, "RandomStandardNormal": noise, "RandomUniform": noise, "RandomUniformInt": noise, "Rank": rank,
    "ReadVariableOp": read, "RefIdentity": passed, "RefMerge": merge, "RefSwitch": switch, "Shape": shape,
    "Size": size, "Snapshot": passed, "StatefulPartitionedCall": function, "StatelessIf": branch,
    "StatelessRandomUniform": noise, "StatelessRandomUniformV2": noise, "StopGradient": passed, "Switch": switch,
    "TruncatedNormal": noise, "VarHandleOp": handle, "Variable": variable, "VariableV2": variable,
}  # fmt: skip
"""By the name of an operation where its outputs come from."""
