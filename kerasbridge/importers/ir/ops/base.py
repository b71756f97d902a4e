"""What every operation of a network says of itself."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int | None, ...]
"""Sizes in the order N, C, H, W; None where any size will do, as for the batch."""

Array = NDArray[np.float32]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
"""Top, bottom, left, right."""


class ShapeError(Exception):
    """An operation cannot be applied to inputs of these shapes; the message says what was expected."""


class UnknownDimension(Exception):
    """An operation has to know a size that is open."""


class Operation:
    """What a node computes; subclasses are frozen dataclasses of its options and weights.

    Attributes:
        label: names the operation in the names of layers, where a layer of a file becomes several.
    """

    label: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.label = cls.__dict__.get("label", cls.__name__.lower())

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shapes of the outputs for inputs of these shapes; unless a subclass says otherwise that of the first."""
        return inputs[:1]

    def nonnegative(self, *inputs: bool) -> bool:
        """Return whether no output is ever below 0, given which inputs never are."""
        return False


class Elementwise(Operation):
    """One input, one output of the same shape."""

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs) == 1, f"expected one input, received {len(inputs)}")
        return inputs


def expect(condition: Any, otherwise: str) -> None:
    """Raise `ShapeError` with these words where the condition does not hold."""
    if not condition:
        raise ShapeError(otherwise)


def normalize_axis(axis: int, rank: int) -> int:
    """An axis that may be counted from the end, counted from the beginning."""
    expect(-rank <= axis < rank, f"there is no axis {axis} in {rank} dimensions")
    return axis % rank


def count(sizes: Shape) -> int:
    """The product of sizes that have to be known."""
    total = 1
    for size in sizes:
        if size is None:
            raise UnknownDimension("it takes images of one size only")
        total *= size
    return total


def same(first: int | None, second: int | None) -> bool:
    """Return whether two sizes can be equal."""
    return first is None or second is None or first == second


def image(shape: Shape) -> Shape:
    """The shape itself, which has to be that of images: N, C, H, W."""
    expect(len(shape) == 4, "expected images, of four dimensions")
    return shape
