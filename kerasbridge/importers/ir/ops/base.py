"""The base classes of operations, and what their shape rules and Keras builders have in common.

An operation is one module of this package: a dataclass of options and weights with its shape rule, and the function
that builds its Keras layers, registered with `builds`. Shapes, axes, weights and paddings are in the order N, C, H, W.
Modules do not import Keras: builders take it from their context.
"""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int | None, ...]
"""Sizes in the order N, C, H, W; None for a free size, such as the batch."""

Array = NDArray[np.float32]
Pair = tuple[int, int]
"""Height and width."""

Sides = tuple[int, int, int, int]
"""Top, bottom, left, right."""


class ShapeError(Exception):
    """An operation does not fit inputs of these shapes; the message is a full clause that gives the reason."""


class UnknownDimension(Exception):
    """An operation needs a size that is unknown."""


class Operation:
    """The operation of a node; subclasses are frozen dataclasses of its options and weights.

    Attributes:
        label: the name of the operation in the names of Keras layers, where a layer of a file becomes several.
    """

    label: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.label = cls.__dict__.get("label", cls.__name__.lower())

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Return the shapes of the outputs for inputs of these shapes; by default that of the first input."""
        return inputs[:1]

    def partial_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Return the shapes of the outputs as far as they are known, where `shapes` raises UnknownDimension."""
        raise UnknownDimension("it takes images of one size only")

    def nonnegative(self, *inputs: bool) -> bool:
        """Return whether no output is ever below 0, given which inputs never are."""
        return False


class Elementwise(Operation):
    """An operation with one input and one output of the same shape."""

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs) == 1, f"expected one input, received {len(inputs)}")
        return inputs


class SignPreserving(Operation):
    """An operation whose outputs are never below 0 if its first input never is."""

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


Builder = TypeVar("Builder", bound=Callable[..., Any])
BUILDERS: dict[type[Operation], Callable[..., Any]] = {}
"""The functions that build the Keras layers of operations, by class."""


def builds(operation: type[Operation]) -> Callable[[Builder], Builder]:
    """Register the decorated function as the builder of an operation.

    It takes the operation, a `keras_builder.context.LayerContext` and the input tensors, and returns the output tensor,
    or a list of them.
    """

    def register(builder: Builder) -> Builder:
        BUILDERS[operation] = builder
        return builder

    return register


def expect(condition: Any, otherwise: str) -> None:
    """Raise `ShapeError` with a message unless the condition is true."""
    if not condition:
        raise ShapeError(otherwise)


def normalize_axis(axis: int, rank: int) -> int:
    """Return an axis, which may count from the end, as one that counts from the beginning."""
    expect(-rank <= axis < rank, f"there is no axis {axis} in {rank} dimensions")
    return axis % rank


def count(sizes: Shape) -> int:
    """Return the product of sizes, which have to be known."""
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
    """Return the shape, which has to be that of images: N, C, H, W."""
    expect(len(shape) == 4, "expected images, of four dimensions")
    return shape


def replace_axis(shape: Shape, axis: int, *sizes: int | None) -> Shape:
    """Return the shape with other sizes instead of that of one axis."""
    return (*shape[:axis], *sizes, *shape[axis + 1 :])


def side_pairs(sides: Any) -> list[Pair]:
    """Return top, bottom, left and right as Keras takes them: ((top, bottom), (left, right))."""
    top, bottom, left, right = sides
    return [(top, bottom), (left, right)]
