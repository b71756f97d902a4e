"""The GELU, which graphs spell out: half of ``x`` times ``1 + erf(x / sqrt(2))``, in any order of the factors."""

import math

from kerasbridge.importers.ir.ops import Activation, ScaleShift
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


def match_gelu(call: NodeContext) -> Tensor | None:
    """Match a product against the GELU pattern; return None if it does not match."""
    for place, other in ((0, 1), (1, 0)):
        source, scale, offset = _unwrap_scale_shift(call, call.tensor(place).name)
        middle = None if offset else _match_erf_factor(call, call.tensor(other).name, source)
        if middle is not None:
            found = call.emit(Activation("gelu"), call.state.tensors[source])
            more = 2 * scale * middle
            return found if more == 1 else call.emit(ScaleShift(more), found, part="scale")
    return None


def _match_erf_factor(call: NodeContext, name: str, source: str) -> float | None:
    """The factor of a value that is one times ``1 + erf(source / sqrt(2))``; None where it is something else."""
    curve, height, middle = _unwrap_scale_shift(call, name)
    producer = call.state.producers.get(curve)
    if producer is None or producer.operation != Activation("erf"):
        return None
    argument, width, start = _unwrap_scale_shift(call, producer.inputs[0])
    rises = argument == source and not start and math.copysign(height, height * width) == middle
    return middle if rises and math.isclose(abs(width), math.sqrt(0.5), rel_tol=1e-6) else None


def _unwrap_scale_shift(call: NodeContext, name: str) -> tuple[str, float, float]:
    """A value as a number times another value plus a number: that value's name, and the two numbers."""
    scale, offset = 1.0, 0.0
    producer = call.state.producers.get(name)
    while producer is not None and isinstance(producer.operation, ScaleShift):
        scale, offset = scale * producer.operation.scale, offset + scale * producer.operation.offset
        name = producer.inputs[0]
        producer = call.state.producers.get(name)
    return name, scale, offset
