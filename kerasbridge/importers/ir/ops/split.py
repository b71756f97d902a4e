"""Splitting along an axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerasbridge.importers.ir.ops.base import Shape, SignPreserving, builds, count, expect, normalize_axis, replace_axis

if TYPE_CHECKING:
    from kerasbridge.importers.keras_builder.context import LayerContext


@dataclass(frozen=True)
class Split(SignPreserving):
    """The input split along an axis.

    Args:
        axis: the axis to split.
        pieces: the number of pieces.
        points: the positions to split at; () for pieces of equal size.
    """

    label = "slicing"

    axis: int
    pieces: int
    points: tuple[int, ...] = ()

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would cut the batch")
        bounds = self.bounds(count(inputs[0][axis : axis + 1]))
        return tuple(replace_axis(inputs[0], axis, stop - start) for start, stop in bounds)

    def bounds(self, size: int) -> list[tuple[int, int]]:
        """Return the start and stop of each piece of an axis of this size."""
        if not self.points:
            expect(size % self.pieces == 0, f"{size} cannot be cut into {self.pieces} pieces of one size")
        points = self.points or range(size // self.pieces, size, size // self.pieces)
        expect(len(points) == self.pieces - 1, f"{self.pieces} pieces have {self.pieces - 1} points between them")
        return list(zip((0, *points), (*points, size), strict=True))


@builds(Split)
def build(operation: Split, context: "LayerContext", tensor: Any) -> list[Any]:
    """Build a kerasbridge layer for each piece."""
    size = context.inputs[0][operation.axis % context.rank]
    axis = context.axis(operation.axis)
    return [
        context.layer(context.layers.Slice, tensor, part=str(place), axis=axis, start=start, stop=stop)
        for place, (start, stop) in enumerate(operation.bounds(size or 0))
    ]
