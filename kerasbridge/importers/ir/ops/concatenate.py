"""Concatenation along an axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Operation, Shape, builds, expect, normalize_axis, replace_axis, same

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Concatenate(Operation):
    """The inputs concatenated along an axis."""

    label = "concatenation"

    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would join batches")
        expect(len({*map(len, inputs)}) == 1, "its inputs have to have as many dimensions")
        others = [replace_axis(shape, axis) for shape in inputs]
        expect(all(all(map(same, others[0], other)) for other in others), f"its inputs may differ in axis {axis} only")
        sizes = [shape[axis] for shape in inputs]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        return (replace_axis(inputs[0], axis, total),)

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)


@builds(Concatenate)
def build(operation: Concatenate, context: "LayerContext", *tensors: Any) -> Any:
    """Build `Concatenate`."""
    if len(tensors) == 1:
        return tensors[0]
    return context.layer(context.keras.layers.Concatenate, list(tensors), axis=context.last_axis(operation.axis))
