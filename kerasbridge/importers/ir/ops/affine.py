"""A scale and a bias per channel or per position."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasbridge.importers.ir.ops.base import Array, Elementwise, Shape, builds, count, expect, normalize_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Affine(Elementwise):
    """``scale * x + bias``; both have the sizes of consecutive axes from `axis` on, and one of them is optional."""

    scale: Array | None
    bias: Array | None
    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (shape,) = super().shapes(*inputs)
        axis = normalize_axis(self.axis, len(shape))
        for weight in (self.scale, self.bias):
            if weight is not None and weight.ndim:
                expect(axis > 0, "it would have different weights for each sample of a batch")
                spanned = shape[axis : axis + weight.ndim]
                count(spanned)
                expect(spanned == weight.shape, f"its weights have the shape {weight.shape}")
        return (shape,)


@builds(Affine)
def build(operation: Affine, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    weights = [operation.scale, operation.bias]
    rank = next(weight.ndim for weight in weights if weight is not None)
    axes = [context.axis(operation.axis % context.rank + place) for place in range(rank)]
    return context.layer(
        context.layers.Affine,
        tensor,
        axes=sorted(axes),
        scale=operation.scale is not None,
        bias=operation.bias is not None,
        weights=[None if weight is None else weight.transpose(np.argsort(axes)) for weight in weights],
    )
