"""A product or sum with a smaller second input."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from kerasbridge.importers.ir.ops.base import Operation, Shape, builds, expect, normalize_axis, same

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Broadcast(Operation):
    """The first input times, or plus, the second, whose axes are those of the first from `axis` on; 1 spans all."""

    kind: Literal["product", "sum"]
    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        first, second = inputs
        axis = normalize_axis(self.axis, len(first)) if second else 0
        expect(not second or axis == 0, "its second input has to begin with the batch")
        spanned = first[axis : axis + len(second)]
        fits = len(spanned) == len(second) and all(b == 1 or same(a, b) for a, b in zip(spanned, second, strict=True))
        expect(fits, "the second input has to have the sizes of the first, from one axis on")
        return (first,)

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)


@builds(Broadcast)
def build(operation: Broadcast, context: "LayerContext", tensor: Any, other: Any) -> Any:
    """Build `Multiply` or `Add`, after a reshape of the second input to the rank of the first."""
    first, second = context.inputs
    if len(first) != len(second):
        other = context.reshape(other, second, (*second, *(1,) * (len(first) - len(second))), part="shape")
    stock = context.keras.layers
    return context.layer(stock.Multiply if operation.kind == "product" else stock.Add, [tensor, other])
