"""GELU, which graphs write as half of ``x`` times ``1 + erf(x / sqrt(2))``, in any order of the factors."""

import math

from kerasbridge.importers.ir.ops.activation import Activation
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.symbolic_values import Tensor


def match_gelu(context: NodeContext) -> Tensor | None:
    """Match a product against the GELU pattern; return None if it does not match."""
    for place, other in ((0, 1), (1, 0)):
        source, scale, offset = _unwrap_scale_shift(context, context.tensor(place).name)
        factor = None if offset else _match_erf_factor(context, context.tensor(other).name, source)
        if factor is not None:
            gelu = context.emit(Activation("gelu"), context.state.tensors[source])
            scale = 2 * scale * factor
            return gelu if scale == 1 else context.emit(ScaleShift(scale), gelu, part="scale")
    return None


def _match_erf_factor(context: NodeContext, name: str, source: str) -> float | None:
    """Return the factor of a value that is ``factor * (1 + erf(source / sqrt(2)))``; None for any other value."""
    curve, height, middle = _unwrap_scale_shift(context, name)
    producer = context.state.producers.get(curve)
    if producer is None or producer.operation != Activation("erf"):
        return None
    argument, width, start = _unwrap_scale_shift(context, producer.inputs[0])
    rises = argument == source and not start and math.copysign(height, height * width) == middle
    return middle if rises and math.isclose(abs(width), math.sqrt(0.5), rel_tol=1e-6) else None


def _unwrap_scale_shift(context: NodeContext, name: str) -> tuple[str, float, float]:
    """Return (other, scale, offset) of a value that is ``scale * other + offset``."""
    scale, offset = 1.0, 0.0
    producer = context.state.producers.get(name)
    while producer is not None and isinstance(producer.operation, ScaleShift):
        scale, offset = scale * producer.operation.scale, offset + scale * producer.operation.offset
        name = producer.inputs[0]
        producer = context.state.producers.get(name)
    return name, scale, offset
