"""Random numbers, which are only supported in a dropout, and the patterns that a dropout is written as.

``x / keep * floor(keep + uniform)`` (tf.nn.dropout up to 1.13), ``x * (1 / keep) * (uniform >= rate)`` (later),
``where(uniform >= rate, x * (1 / keep), 0)`` (Keras 2 and TensorFlow 2).
"""

import numpy as np

from kerasbridge.importers.ir.ops.dropout import Dropout
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import executes
from kerasbridge.importers.tensorflow.symbolic_values import (
    DEAD,
    NOISE,
    Fault,
    ScalarPlaceholder,
    ScaledByPlaceholder,
    Tensor,
    Value,
    join_faults,
)


@executes(
    "Multinomial",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "StatelessRandomUniform",
    "StatelessRandomUniformV2",
    "TruncatedNormal",
)
def random(context: NodeContext) -> Value:
    """Return the symbol of random numbers."""
    return DEAD if any(value is DEAD for value in context.inputs) else NOISE


def match_dropout(context: NodeContext) -> Value:
    """Convert a node with an input that is random or one number fed at each step; only dropout is supported."""
    others = ScalarPlaceholder | np.ndarray
    values = [value for value in context.inputs if value is not NOISE and not isinstance(value, others)]
    noise = any(value is NOISE for value in context.inputs)
    placeholders = [value for value in context.inputs if isinstance(value, ScalarPlaceholder)]
    if not values:
        return NOISE if noise else placeholders[0]
    if len(values) == 1 and not noise and context.op in ("Mul", "RealDiv", "Div") and isinstance(values[0], Tensor):
        return ScaledByPlaceholder(values[0], placeholders[0])
    if len(values) == 1 and noise and context.op in ("Mul", "Select", "SelectV2"):
        return _convert_dropout(context, values[0])
    if any(isinstance(value, Fault) for value in values):
        return join_faults(values)
    if noise:
        raise Unsupported("has numbers drawn at random, and is no dropout")
    raise Unsupported(f"has {placeholders[0].name!r}, one number that has to be fed")


def _convert_dropout(context: NodeContext, value: Value) -> Value:
    if isinstance(value, Fault):
        return value
    scope = context.node.name.rpartition("/")[0] or context.node.name
    if isinstance(value, ScaledByPlaceholder):
        reason = f"a dropout that keeps {value.placeholder.name}, which is fed when training"
        context.state.skipped.append(LayerReport(scope, "dropout", reason))
        return value.tensor
    producer = context.state.producers.get(value.name) if isinstance(value, Tensor) else None
    operation = producer.operation if producer is not None else None
    if producer is None or not isinstance(operation, ScaleShift) or operation.offset or operation.scale < 1:
        raise Unsupported("has numbers drawn at random, and is no dropout")
    rate = round(1 - 1 / operation.scale, 6)
    context.state.substituted.append(LayerReport(scope, "dropout", "Dropout, which drops in training alone"))
    return context.emit(Dropout(rate), context.state.tensors[producer.inputs[0]], part="")
