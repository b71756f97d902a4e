"""Flattening of several axes into one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, count, expect, normalize_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Flatten(SignPreserving):
    """The axes from `axis` to `end`, inclusive, flattened into one in the order C, H, W."""

    label = "flattening"

    axis: int = 1
    end: int = -1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis, end = self._bounds(inputs[0])
        expect(0 < axis <= end, "it would flatten the batch")
        return ((*inputs[0][:axis], count(inputs[0][axis : end + 1]), *inputs[0][end + 1 :]),)

    def partial_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis, end = self._bounds(inputs[0])
        return ((*inputs[0][:axis], None, *inputs[0][end + 1 :]),)

    def _bounds(self, shape: Shape) -> tuple[int, int]:
        return normalize_axis(self.axis, len(shape)), normalize_axis(self.end, len(shape))


@builds(Flatten)
def build(operation: Flatten, context: "LayerContext", tensor: Any) -> Any:
    """Build `Permute` for images, then `Flatten`, or `Reshape` for some of the axes."""
    (before,), (after,) = context.inputs, context.outputs
    if len(after) > 2:
        return context.reshape(tensor, before, after)
    if context.rank == 4 and before[2:] != (1, 1):
        tensor = context.to_nchw(tensor, 4)
    return context.layer(context.keras.layers.Flatten, tensor)
