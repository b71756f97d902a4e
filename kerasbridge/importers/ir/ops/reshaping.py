"""Operations that move numbers about."""

import math
from dataclasses import dataclass

from kerasbridge.importers.ir.ops.base import (
    Operation,
    Shape,
    count,
    expect,
    normalize_axis,
    same,
)


class _Moving(Operation):
    """Only numbers of the first input come out."""

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class Concatenate(Operation):
    """Inputs one after the other along an axis."""

    label = "concatenation"

    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would join batches")
        expect(len({*map(len, inputs)}) == 1, "its inputs have to have as many dimensions")
        others = [shape[:axis] + shape[axis + 1 :] for shape in inputs]
        expect(all(all(map(same, others[0], other)) for other in others), f"its inputs may differ in axis {axis} only")
        sizes = [shape[axis] for shape in inputs]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        return ((*inputs[0][:axis], total, *inputs[0][axis + 1 :]),)

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)


@dataclass(frozen=True)
class Split(_Moving):
    """Pieces along an axis: up to the first point, between points, from the last point on.

    Args:
        pieces: how many there are; without points they are of one size.
    """

    label = "slicing"

    axis: int
    pieces: int
    points: tuple[int, ...] = ()

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would cut the batch")
        bounds = self.bounds(count(inputs[0][axis : axis + 1]))
        sizes = (stop - start for start, stop in bounds)
        return tuple((*inputs[0][:axis], size, *inputs[0][axis + 1 :]) for size in sizes)

    def bounds(self, size: int) -> list[tuple[int, int]]:
        """Where the pieces of an axis of this size begin and end."""
        if not self.points:
            expect(size % self.pieces == 0, f"{size} cannot be cut into {self.pieces} pieces of one size")
        points = self.points or range(size // self.pieces, size, size // self.pieces)
        expect(len(points) == self.pieces - 1, f"{self.pieces} pieces have {self.pieces - 1} points between them")
        return list(zip((0, *points), (*points, size), strict=True))


@dataclass(frozen=True)
class CropLike(_Moving):
    """The first input, from `axis` on cut to the size of the second, beginning at the offsets; one stands for all.

    Args:
        clamped: it begins earlier where the first ends too early for the second.
    """

    label = "cropping"

    axis: int
    offsets: tuple[int, ...] = ()
    clamped: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        first, second = inputs
        axis = normalize_axis(self.axis, len(first))
        expect(axis > 0 and len(first) == len(second), "its two inputs have to have as many dimensions")
        starts = (0 if self.clamped else start for start in self.starts(len(first)))
        sizes = zip(first[axis:], second[axis:], starts, strict=True)
        fits = all(size is None or wanted is None or start + wanted <= size for size, wanted, start in sizes)
        expect(fits, f"the second cannot be cut out of the first at {self.starts(len(first))}")
        return (first[:axis] + second[axis:],)

    def starts(self, rank: int) -> tuple[int, ...]:
        """Where it begins in each axis from `axis` on."""
        axes = rank - normalize_axis(self.axis, rank)
        offsets = self.offsets * axes if len(self.offsets) == 1 else self.offsets or (0,) * axes
        expect(len(offsets) == axes, f"expected {axes} offsets, received {len(offsets)}")
        return offsets


@dataclass(frozen=True)
class Flatten(_Moving):
    """The axes from `axis` to `end` as one, in the order C, H, W."""

    label = "flattening"

    axis: int = 1
    end: int = -1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis, end = (normalize_axis(axis, len(inputs[0])) for axis in (self.axis, self.end))
        expect(0 < axis <= end, "it would flatten the batch")
        return ((*inputs[0][:axis], count(inputs[0][axis : end + 1]), *inputs[0][end + 1 :]),)

    def open_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape where sizes are open that have to be known in the end."""
        axis, end = (normalize_axis(axis, len(inputs[0])) for axis in (self.axis, self.end))
        return ((*inputs[0][:axis], None, *inputs[0][end + 1 :]),)


@dataclass(frozen=True)
class Reshape(_Moving):
    """Other sizes for the `axes` axes from `axis` on, in the order C, H, W; -1 axes are all that follow.

    Args:
        sizes: 0 is the size that is there, -1 what is left over. The first of axis 0 stands for the batch.
    """

    label = "reshaping"

    sizes: tuple[int, ...]
    axis: int = 0
    axes: int = -1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (shape,) = inputs
        start = self.axis + len(shape) + 1 if self.axis < 0 else self.axis
        stop = len(shape) if self.axes == -1 else start + self.axes
        expect(start <= stop <= len(shape), f"there are no {self.axes} axes from axis {self.axis} on")
        expect(start > 0 or (self.sizes and stop), "it would take the batch apart")
        sizes, first = (self.sizes[1:], 1) if start == 0 else (self.sizes, start)
        wanted = tuple(self._known(shape, start, size, place) for place, size in enumerate(sizes, first))
        return (shape[:first] + _filled(wanted, count(shape[first:stop])) + shape[stop:],)

    def open_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape, of axis 0 on, where sizes are open that have to be known in the end."""
        expect(self.axis == 0 and self.axes == -1, "it takes images of one size only")
        (shape,) = inputs
        places = range(1, len(self.sizes))
        there = (shape[at] if self.sizes[at] == 0 and at < len(shape) else self.sizes[at] for at in places)
        return ((shape[0], *(size if size is None or size > 0 else None for size in there)),)

    def _known(self, shape: Shape, start: int, size: int, place: int) -> int:
        if size != 0:
            return size
        expect(place < len(shape), f"there is no axis {place} to take the size of")
        return count(shape[place : place + 1])


def _filled(sizes: tuple[int, ...], total: int) -> tuple[int, ...]:
    """The sizes with -1 replaced by what makes them `total` numbers."""
    known = math.prod(size for size in sizes if size != -1)
    expect(sizes.count(-1) < 2 and all(size > 0 or size == -1 for size in sizes), f"{sizes} are no sizes")
    filled = tuple(total // known if size == -1 else size for size in sizes)
    expect(math.prod(filled) == total, f"{total} numbers per sample have no shape {sizes}")
    return filled


@dataclass(frozen=True)
class Transpose(_Moving):
    """Axes in another order; those that are not named follow. The batch stays first."""

    label = "transposition"

    order: tuple[int, ...]

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        order = self.whole(len(inputs[0]))
        expect(sorted(order) == list(range(len(inputs[0]))), f"{self.order} is no order of its axes")
        expect(order[0] == 0, "it would move the batch")
        return (tuple(inputs[0][axis] for axis in order),)

    def whole(self, rank: int) -> tuple[int, ...]:
        """The order of all axes."""
        return (*self.order, *(axis for axis in range(rank) if axis not in self.order))


@dataclass(frozen=True)
class Tile(_Moving):
    """`copies` of the input, one after the other along an axis."""

    label = "tiling"

    axis: int
    copies: int

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0 and self.copies > 0, "it has to make copies of a sample's numbers")
        size = inputs[0][axis]
        return ((*inputs[0][:axis], None if size is None else size * self.copies, *inputs[0][axis + 1 :]),)
