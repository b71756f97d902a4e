"""Operations that return their inputs."""

from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import executes
from kerasbridge.importers.tensorflow.symbolic_values import Value


@executes(
    "CheckNumerics",
    "DebugGradientIdentity",
    "DeepCopy",
    "EnsureShape",
    "Identity",
    "PreventGradient",
    "RefIdentity",
    "Snapshot",
    "StopGradient",
)
def identity(context: NodeContext) -> Value:
    """Return the input."""
    return context.inputs[0] if context.inputs else None


@executes("IdentityN")
def identity_n(context: NodeContext) -> Value:
    """Return all inputs."""
    return [*context.inputs]


@executes("Print", "PrintV2")
def print_(context: NodeContext) -> Value:
    """Return the input of an operation that only prints it."""
    context.state.skipped.append(LayerReport(context.node.name, context.op, "it only watches"))
    return identity(context)
