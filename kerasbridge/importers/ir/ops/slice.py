"""Slicing along an axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import (
    Shape,
    ShapeError,
    SignPreserving,
    builds,
    expect,
    normalize_axis,
    replace_axis,
)

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Slice(SignPreserving):
    """The slice from `start` up to `stop` along an axis; negative bounds count from the end, None is the end."""

    label = "narrowing"

    axis: int
    start: int
    stop: int | None = None

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would cut the batch")
        size = inputs[0][axis]
        return (replace_axis(inputs[0], axis, None if size is None else self._length(size)),)

    def _length(self, size: int) -> int:
        start = self.start + size if self.start < 0 else self.start
        stop = size if self.stop is None else self.stop + size if self.stop < 0 else self.stop
        if not 0 <= start < stop <= size:
            raise ShapeError(f"there are no places from {start} up to {stop} among {size}")
        return stop - start


@builds(Slice)
def build(operation: Slice, context: "LayerContext", tensor: Any) -> Any:
    """Build a kerasbridge layer."""
    axis = context.axis(operation.axis)
    return context.layer(context.layers.Slice, tensor, axis=axis, start=operation.start, stop=operation.stop)
