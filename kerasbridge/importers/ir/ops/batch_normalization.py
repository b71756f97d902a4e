"""Batch normalization with stored statistics."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Array, Elementwise, Shape, builds, expect, same

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class BatchNormalization(Elementwise):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` per channel; gamma and beta are optional.

    Args:
        momentum: the fraction of the moving statistics that a training step keeps.
    """

    mean: Array
    variance: Array
    gamma: Array | None = None
    beta: Array | None = None
    epsilon: float = 1e-5
    momentum: float = 0.999

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) > 1, "expected channels in axis 1")
        expect(same(inputs[0][1], len(self.mean)), f"its statistics are those of {len(self.mean)} channels")
        return super().shapes(*inputs)


@builds(BatchNormalization)
def build(operation: BatchNormalization, context: "LayerContext", tensor: Any) -> Any:
    """Build `BatchNormalization`."""
    return context.layer(
        context.keras.layers.BatchNormalization,
        tensor,
        axis=context.axis(1),
        epsilon=operation.epsilon,
        momentum=operation.momentum,
        center=operation.beta is not None,
        scale=operation.gamma is not None,
        weights=[operation.gamma, operation.beta, operation.mean, operation.variance],
    )
