"""What a graph's edges carry while it is followed: numbers that are known, values of a network, and less than that."""

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from kerasbridge.importers.ir.ops import Shape

Known: TypeAlias = NDArray[Any]
"""An array that is known, of numbers, of texts, or of sizes of which some are `Open`."""

_new = itertools.count()


@dataclass(frozen=True)
class Open:
    """A size that is open: ``factor * size + offset`` of the size with a name."""

    name: str
    factor: int = 1
    offset: int = 0

    def __mul__(self, other: Any) -> "Open":
        if _is_whole(other):
            return Open(self.name, self.factor * int(other), self.offset * int(other))
        return another()

    def __add__(self, other: Any) -> "Open":
        return Open(self.name, self.factor, self.offset + int(other)) if _is_whole(other) else another()

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Open) and (self.name, self.factor) == (other.name, other.factor):
            return self.offset - other.offset
        return self + -other if _is_whole(other) else another()

    def __floordiv__(self, other: Any) -> "Open":
        if _is_whole(other) and other > 0 and not self.factor % int(other) and not self.offset % int(other):
            return Open(self.name, self.factor // int(other), self.offset // int(other))
        return another()

    def __rsub__(self, other: Any) -> Any:
        return self * -1 + other

    def __truediv__(self, other: Any) -> Any:
        return self // other

    def __mod__(self, other: Any) -> "Open":
        return another()

    __rmul__, __radd__, __neg__ = __mul__, __add__, lambda self: self * -1


BATCH = Open("the batch")


def another() -> Open:
    """A size of which nothing is known."""
    return Open(f"size {next(_new)}")


def _is_whole(value: Any) -> bool:
    return not isinstance(value, Open) and float(value).is_integer()


@dataclass(frozen=True)
class Tensor:
    """A value of the network.

    Args:
        name: of the value.
        shape: in the network.
        order: which axis of the network's value each axis of the graph's is; images of TensorFlow are N, H, W, C, the
            network's are N, C, H, W.
    """

    name: str
    shape: Shape
    order: tuple[int, ...]

    @property
    def sizes(self) -> Shape:
        """The shape in the graph."""
        return tuple(self.shape[axis] for axis in self.order)

    @property
    def rank(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)


@dataclass(frozen=True)
class Rows:
    """A value whose samples are taken apart into rows, each row for itself, to be put together again."""

    tensor: Tensor


@dataclass(frozen=True)
class Fault:
    """What cannot be brought, and why: each reason with the place in the graph where it is found."""

    reasons: frozenset[tuple[int, str]]


@dataclass(frozen=True)
class Knob:
    """One number for all, that is fed at each step of training, as the share that a dropout keeps."""

    name: str


@dataclass(frozen=True)
class Scaled:
    """A value times or over a `Knob`."""

    tensor: Tensor
    knob: Knob


@dataclass(frozen=True)
class Spread:
    """A value whose rows and columns are dealt out to batches, so that a convolution is dilated.

    Args:
        rates: how many rows, and columns, lie between two of a batch.
        before, after: the rows, and columns, that are added first.
        kernel: the weights of the convolution that was applied then, (out, in, height, width).
        groups: those of the convolution.
        node: the place of the convolution in the graph.
    """

    tensor: Tensor
    rates: tuple[int, int]
    before: tuple[Any, Any]
    after: tuple[Any, Any]
    kernel: Any = None
    groups: int = 1
    node: Any = None


class _Mark:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


DEAD = _Mark("a branch that is not taken")
NOISE = _Mark("numbers drawn at random")

Value: TypeAlias = Any
"""One of these."""
