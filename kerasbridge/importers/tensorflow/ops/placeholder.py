"""Placeholders that are not inputs of the model, such as those that are fed in training only."""

import numpy as np

from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow import tensors
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import executes
from kerasbridge.importers.tensorflow.symbolic_values import ScalarPlaceholder, Value


@executes("Placeholder", "PlaceholderV2")
def placeholder(context: NodeContext) -> Value:
    """Return the value after training of a switch for training; any other placeholder is one number."""
    if context.dtype("dtype") == tensors.BOOL:
        testing = any(word in context.node.name.lower() for word in ("test", "infer", "eval"))
        context.state.notes[f"{context.node.name}: taken as {testing}, as it is after training"] = None
        return np.array(testing)
    if context.has("shape") and context.node.attributes["shape"].shape.dim:
        raise Unsupported("has to be fed: name it among the inputs")
    return ScalarPlaceholder(context.node.name)


@executes("PlaceholderWithDefault", "PlaceholderWithDefaultV2")
def placeholder_with_default(context: NodeContext) -> Value:
    """Return the default; False for a default of True."""
    default = context.inputs[0]
    if isinstance(default, np.ndarray) and default.dtype == bool and default.all():
        context.state.notes[f"{context.node.name}: taken as False, as it is after training"] = None
        return np.zeros_like(default)
    return default
