"""Transposition of axes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, expect

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Transpose(SignPreserving):
    """The input with its axes in `order`; axes that it omits follow. The batch stays first."""

    label = "transposition"

    order: tuple[int, ...]

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        order = self.full_order(len(inputs[0]))
        expect(sorted(order) == list(range(len(inputs[0]))), f"{self.order} is not an order of its axes")
        expect(order[0] == 0, "it would move the batch")
        return (tuple(inputs[0][axis] for axis in order),)

    def full_order(self, rank: int) -> tuple[int, ...]:
        """Return the order of all axes."""
        return (*self.order, *(axis for axis in range(rank) if axis not in self.order))


@builds(Transpose)
def build(operation: Transpose, context: "LayerContext", tensor: Any) -> Any:
    """Build `Permute`."""
    return context.transpose(tensor, operation.full_order(context.rank))
