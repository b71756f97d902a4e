"""ReLU with trained slopes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Array, Elementwise, Shape, builds, expect, same

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class PRelu(Elementwise):
    """``max(x, 0) + slope * min(x, 0)``; slope has one number per channel, or one for all, shape ()."""

    slope: Array

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) > 1, "expected channels in axis 1")
        expect(not self.slope.ndim or same(inputs[0][1], len(self.slope)), f"it has {self.slope.size} slopes")
        return super().shapes(*inputs)


@builds(PRelu)
def build(operation: PRelu, context: "LayerContext", tensor: Any) -> Any:
    """Build `PReLU`, whose slopes are shared along all axes, or all but the channels."""
    channels = context.axis(1)
    shared = [axis for axis in range(1, context.rank) if axis != channels or not operation.slope.ndim]
    sizes = [1] * (context.rank - 1)
    sizes[channels - 1] = operation.slope.size
    slopes = operation.slope.reshape(sizes)
    return context.layer(context.keras.layers.PReLU, tensor, shared_axes=shared or None, weights=[slopes])
