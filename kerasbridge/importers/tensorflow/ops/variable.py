"""Constants and variables."""

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import executes
from kerasbridge.importers.tensorflow.symbolic_values import Value
from kerasbridge.importers.tensorflow.variables import VariableHandle


@executes("Const")
def constant(context: NodeContext) -> Value:
    """Return the value of a Const."""
    if not context.has("value"):
        raise Unsupported("has no value")
    return tensors.parse_tensor(context.node.attributes["value"].tensor)


@executes("Variable", "VariableV2")
def variable(context: NodeContext) -> Value:
    """Return the value of a TensorFlow 1 variable."""
    return context.state.variables.read(context.node)


@executes("VarHandleOp")
def variable_handle(context: NodeContext) -> Value:
    """Return a reference to a variable, which another node reads."""
    return VariableHandle(context.node)


@executes("ReadVariableOp")
def read_variable(context: NodeContext) -> Value:
    """Return the value of the variable that is the input."""
    (handle,) = context.inputs[:1] or [None]
    return context.state.variables.read(handle.node) if isinstance(handle, VariableHandle) else handle
