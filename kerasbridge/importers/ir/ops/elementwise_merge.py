"""Elementwise sum, product, maximum and minimum of several inputs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Operation, Shape, builds, expect, same

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class ElementwiseMerge(Operation):
    """The elementwise sum, product, maximum or minimum of inputs of the same shape.

    Args:
        coefficients: the factor of each input of a sum; () for ones.
        broadcast: repeat an axis of size 1 in one input to the size of the others.
    """

    label = "combination"

    kind: Literal["sum", "product", "maximum", "minimum"]
    coefficients: tuple[float, ...] = ()
    broadcast: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len({*map(len, inputs)}) == 1, "its inputs have to have one shape")
        if self.broadcast:
            inputs = tuple(tuple(_broadcast(sizes) for sizes in zip(*inputs, strict=True)) for _ in inputs)
        expect(not self.coefficients or len(self.coefficients) == len(inputs), "expected a coefficient for each input")
        for sizes in zip(*inputs, strict=True):
            expect(all(same(a, b) for a in sizes for b in sizes), "its inputs have to have one shape")
        known = (next((size for size in sizes if size is not None), None) for sizes in zip(*inputs, strict=True))
        return (tuple(known),)

    def nonnegative(self, *inputs: bool) -> bool:
        if self.kind == "maximum":
            return any(inputs)
        return all(inputs) and all(coefficient >= 0 for coefficient in self.coefficients)


def _broadcast(sizes: tuple[int | None, ...]) -> int | None:
    """Return the broadcast size of an axis, given its sizes in the inputs."""
    wide = [size for size in sizes if size != 1]
    known = {size for size in wide if size is not None}
    expect(len(known) < 2, "its inputs have to have one shape, or size 1 in the axes that differ")
    return next(iter(known), None) if wide else 1


@builds(ElementwiseMerge)
def build(operation: ElementwiseMerge, context: "LayerContext", *tensors: Any) -> Any:
    """Build `Add`, `Multiply`, `Maximum` or `Minimum`, after `Rescaling` where a coefficient is not 1."""
    stock = context.keras.layers
    coefficients = operation.coefficients or (1.0,) * len(tensors)
    scaled = [
        tensor if factor == 1 else context.layer(stock.Rescaling, tensor, part=f"times_{place}", scale=factor)
        for place, (tensor, factor) in enumerate(zip(tensors, coefficients, strict=True))
    ]
    if len(scaled) == 1:
        return scaled[0]
    layers = {"sum": stock.Add, "product": stock.Multiply, "maximum": stock.Maximum, "minimum": stock.Minimum}
    return context.layer(layers[operation.kind], scaled)
