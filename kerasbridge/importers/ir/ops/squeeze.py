"""Removal and insertion of an axis of size 1."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, expect, normalize_axis, replace_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Squeeze(SignPreserving):
    """The input without an axis of size 1."""

    label = "squeezing"

    axis: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0 and inputs[0][axis] in (1, None), f"axis {axis} has more places than one")
        return (replace_axis(inputs[0], axis),)


@dataclass(frozen=True)
class Unsqueeze(SignPreserving):
    """The input with a new axis of size 1 at position `axis` of the result."""

    label = "unsqueezing"

    axis: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(0 < self.axis <= len(inputs[0]), "it would stand before the batch")
        return ((*inputs[0][: self.axis], 1, *inputs[0][self.axis :]),)


@builds(Squeeze)
def build_squeeze(operation: Squeeze, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    tensor = context.to_nchw(tensor, context.rank)
    squeezed = context.layer(context.layers.Squeeze, tensor, axis=operation.axis % context.rank)
    return context.to_nhwc(squeezed, len(context.outputs[0]))


@builds(Unsqueeze)
def build_unsqueeze(operation: Unsqueeze, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    tensor = context.to_nchw(tensor, context.rank)
    unsqueezed = context.layer(context.layers.Unsqueeze, tensor, axis=operation.axis)
    return context.to_nhwc(unsqueezed, len(context.outputs[0]))
