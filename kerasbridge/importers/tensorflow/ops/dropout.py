"""Dropout, which TensorFlow 1 writes out: a value over the share that is kept, times numbers that are 1 or 0 at random.

``x / keep * floor(keep + uniform)`` (tf.nn.dropout up to 1.13), ``x * (1 / keep) * (uniform >= rate)`` (later),
``where(uniform >= rate, x * (1 / keep), 0)`` (Keras 2 and TensorFlow 2).
"""

import numpy as np

from kerasbridge.importers.ir.ops import Dropout, ScaleShift
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import (
    NOISE,
    Fault,
    ScalarPlaceholder,
    ScaledByPlaceholder,
    Tensor,
    Value,
)


def match_dropout(call: NodeContext) -> Value:
    """Convert a node with an input that is random or one number fed at each step; only dropout is supported."""
    wanted = [
        value for value in call.inputs if value is not NOISE and not isinstance(value, ScalarPlaceholder | np.ndarray)
    ]
    noise = any(value is NOISE for value in call.inputs)
    knobs = [value for value in call.inputs if isinstance(value, ScalarPlaceholder)]
    if not wanted:
        return NOISE if noise else knobs[0]
    if len(wanted) == 1 and not noise and call.node.op in ("Mul", "RealDiv", "Div") and isinstance(wanted[0], Tensor):
        return ScaledByPlaceholder(wanted[0], knobs[0])
    if len(wanted) == 1 and noise and call.node.op in ("Mul", "Select", "SelectV2"):
        return _convert_dropout(call, wanted[0])
    faults = [value for value in wanted if isinstance(value, Fault)]
    if faults:
        return Fault(frozenset[tuple[int, str]]().union(*(fault.reasons for fault in faults)))
    if noise:
        raise Unsupported("has numbers drawn at random, and is no dropout")
    raise Unsupported(f"has {knobs[0].name!r}, one number that has to be fed")


def _convert_dropout(call: NodeContext, value: Value) -> Value:
    if isinstance(value, Fault):
        return value
    scope = call.node.name.rpartition("/")[0] or call.node.name
    if isinstance(value, ScaledByPlaceholder):
        what = f"a dropout that keeps {value.knob.name}, which is fed when training"
        call.state.skipped.append(LayerReport(scope, "dropout", what))
        return value.tensor
    producer = call.state.producers.get(value.name) if isinstance(value, Tensor) else None
    if (
        producer is None
        or not isinstance(producer.operation, ScaleShift)
        or producer.operation.offset
        or producer.operation.scale < 1
    ):
        raise Unsupported("has numbers drawn at random, and is no dropout")
    rate = round(1 - 1 / producer.operation.scale, 6)
    call.state.substituted.append(LayerReport(scope, "dropout", "Dropout, which drops in training alone"))
    return call.emit(Dropout(rate), call.state.tensors[producer.inputs[0]], part="")
