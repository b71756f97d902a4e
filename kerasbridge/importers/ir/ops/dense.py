"""Dense (inner product, fully connected) layers."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Array, Operation, Shape, builds, count, expect, normalize_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Dense(Operation):
    """The axes from `axis` on, flattened in the order C, H, W, times a matrix.

    Args:
        weight: shape (out, in).
        bias: shape (out,), or None.
    """

    weight: Array
    bias: Array | None = None
    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would take the whole batch as one sample")
        features = self.weight.shape[1]
        expect(count(inputs[0][axis:]) == features, f"its weights take {features} numbers per sample")
        return self.partial_shapes(*inputs)

    def partial_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        return ((*inputs[0][: normalize_axis(self.axis, len(inputs[0]))], self.weight.shape[0]),)


@builds(Dense)
def build(operation: Dense, context: "LayerContext", tensor: Any) -> Any:
    """Build `Dense`, after `Flatten` or `Reshape`; for images the rows of the kernel are reordered to H, W, C."""
    stock = context.keras.layers
    (shape,), axis, weight = context.inputs, operation.axis % context.rank, operation.weight
    if axis == 1 and context.rank == 4:
        tensor = context.layer(stock.Flatten, tensor, part="flatten")
        weight = weight.reshape(-1, *shape[1:]).transpose(0, 2, 3, 1).reshape(weight.shape)
    elif axis < context.rank - 1:
        tensor = context.to_nchw(tensor, context.rank)
        flat = (*shape[1:axis], weight.shape[1])
        tensor = context.layer(stock.Reshape, tensor, part="flatten", target_shape=flat)
    elif context.rank == 4:
        tensor = context.to_nchw(tensor, 4)
    make = partial(stock.Dense, units=weight.shape[0], use_bias=operation.bias is not None)
    output = context.layer(make, tensor, weights=[weight.T, operation.bias])
    return context.to_nhwc(output, len(context.outputs[0]))
