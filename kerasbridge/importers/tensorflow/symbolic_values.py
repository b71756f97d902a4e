"""Values of a graph's edges while it is executed symbolically: constants, values of the network, and special ones."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from kerasbridge.importers.ir.ops.base import Shape

Constant: TypeAlias = NDArray[Any]
"""An array that is known: of numbers, strings, or sizes of which some are a `SymbolicDim`."""

MAX_REASONS = 200
"""The maximum number of reasons of a fault."""

_counter = itertools.count()


@dataclass(frozen=True)
class SymbolicDim:
    """An unknown size: ``factor * size + offset``, where the name identifies the size."""

    name: str
    factor: int = 1
    offset: int = 0

    def __mul__(self, other: Any) -> "SymbolicDim":
        if _is_integer(other):
            return SymbolicDim(self.name, self.factor * int(other), self.offset * int(other))
        return fresh_dim()

    def __add__(self, other: Any) -> "SymbolicDim":
        return SymbolicDim(self.name, self.factor, self.offset + int(other)) if _is_integer(other) else fresh_dim()

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, SymbolicDim) and (self.name, self.factor) == (other.name, other.factor):
            return self.offset - other.offset
        return self + -other if _is_integer(other) else fresh_dim()

    def __floordiv__(self, other: Any) -> "SymbolicDim":
        if _is_integer(other) and other > 0 and not self.factor % int(other) and not self.offset % int(other):
            return SymbolicDim(self.name, self.factor // int(other), self.offset // int(other))
        return fresh_dim()

    def __rsub__(self, other: Any) -> Any:
        return self * -1 + other

    def __truediv__(self, other: Any) -> Any:
        return self // other

    def __mod__(self, other: Any) -> "SymbolicDim":
        return fresh_dim()

    __rmul__, __radd__, __neg__ = __mul__, __add__, lambda self: self * -1


BATCH = SymbolicDim("the batch")


def fresh_dim() -> SymbolicDim:
    """Return a size about which nothing is known."""
    return SymbolicDim(f"size {next(_counter)}")


def _is_integer(value: Any) -> bool:
    return not isinstance(value, SymbolicDim) and float(value).is_integer()


@dataclass(frozen=True)
class Tensor:
    """A value of the network.

    Args:
        name: of the value.
        shape: in the network.
        order: for each axis in the TensorFlow graph, the axis in the network; images are N, H, W, C in TensorFlow, and
            N, C, H, W in the network.
    """

    name: str
    shape: Shape
    order: tuple[int, ...]

    @property
    def graph_shape(self) -> Shape:
        """The shape in the TensorFlow graph."""
        return tuple(self.shape[axis] for axis in self.order)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)


@dataclass(frozen=True)
class UnstackedRows:
    """A value whose samples are taken apart into rows, until another Reshape restores them."""

    tensor: Tensor


@dataclass(frozen=True)
class StackedBatches:
    """Batches stacked along a new first axis, such as the results of several networks whose mean is taken."""

    tensors: tuple[Tensor, ...]


@dataclass(frozen=True)
class Fault:
    """A value that cannot be converted: each reason with its position in the order of execution."""

    reasons: frozenset[tuple[int, str]]


@dataclass(frozen=True)
class ScalarPlaceholder:
    """A number that is fed at each step of training, such as the fraction that a dropout keeps."""

    name: str


@dataclass(frozen=True)
class ScaledByPlaceholder:
    """A value multiplied or divided by a `ScalarPlaceholder`."""

    tensor: Tensor
    placeholder: ScalarPlaceholder


@dataclass(frozen=True)
class SpaceToBatch:
    """A value whose rows and columns are distributed to batches, so that a convolution is dilated.

    Args:
        rates: the dilation of height and width.
        before, after: the rows, and columns, that are added first.
        kernel: the weights of the convolution of the blocks, (out, in, height, width); None before it.
        groups: those of the convolution.
        convolution: the context of the convolution.
    """

    tensor: Tensor
    rates: tuple[int, int]
    before: tuple[Any, Any]
    after: tuple[Any, Any]
    kernel: Any = None
    groups: int = 1
    convolution: Any = None


class _Sentinel:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


DEAD = _Sentinel("a branch that is not taken")
NOISE = _Sentinel("numbers drawn at random")

Value: TypeAlias = Any
"""One of these."""


def join_faults(values: Sequence[Value]) -> Fault:
    """Return a fault with the reasons of all faults among values; the first ones, if there are many."""
    reasons = frozenset[tuple[int, str]]().union(*(value.reasons for value in values if isinstance(value, Fault)))
    return Fault(frozenset(heapq.nsmallest(MAX_REASONS, reasons)) if len(reasons) > MAX_REASONS else reasons)
