"""Embedding lookups."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Array, Operation, Shape, builds, expect

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Embedding(Operation):
    """The row of `weight`, shape (words, size), for each integer, plus an optional bias, shape (size,)."""

    weight: Array
    bias: Array | None = None

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) < 4, "expected integers in at most three dimensions")
        return ((*inputs[0], self.weight.shape[1]),)


@builds(Embedding)
def build(operation: Embedding, context: "LayerContext", words: Any) -> Any:
    """Build `Embedding`, and a kerasbridge layer for the bias."""
    make = partial(context.keras.layers.Embedding, *operation.weight.shape)
    part = "" if operation.bias is None else "vectors"
    vectors = context.layer(make, words, part=part, weights=[operation.weight])
    if operation.bias is not None:
        axes = [len(context.inputs[0])]
        vectors = context.layer(context.layers.Affine, vectors, axes=axes, scale=False, weights=[operation.bias])
    return context.to_nhwc(vectors, len(context.outputs[0]))
