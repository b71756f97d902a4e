"""Normalization of each channel of each image by its own statistics."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Array, Elementwise, Shape, builds, expect, image, same

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class InstanceNormalization(Elementwise):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with mean and variance of each channel of each image."""

    gamma: Array
    beta: Array
    epsilon: float = 1e-5

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        channels = image(inputs[0])[1]
        expect(same(channels, len(self.gamma)), f"its weights are those of {len(self.gamma)} channels")
        return super().shapes(*inputs)


@builds(InstanceNormalization)
def build(operation: InstanceNormalization, context: "LayerContext", images: Any) -> Any:
    """Build `GroupNormalization` with one channel per group."""
    layer, weights = context.keras.layers.GroupNormalization, [operation.gamma, operation.beta]
    return context.layer(layer, images, groups=-1, epsilon=operation.epsilon, weights=weights)
