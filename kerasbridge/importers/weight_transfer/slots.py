"""What takes weights in a Keras model: parts, each with the forms in which a file may hold what it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.model_graph import LayerNode


@dataclass(frozen=True)
class ArraySpec:
    """An array as a file has it: what it is called there, and its shape."""

    role: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.role} {self.shape}"


@dataclass(frozen=True)
class ArrayLayout:
    """Arrays that belong together, in the file's order, and how Keras's weights are made of them.

    Args:
        pieces: the arrays.
        arranged: takes these, gives the values of the part's variables in their order, or raises `CannotTake`.
    """

    arrays: tuple[ArraySpec, ...]
    to_keras: Callable[..., Sequence[Array]]

    def __str__(self) -> str:
        return ", ".join(map(str, self.arrays))


@dataclass(frozen=True, eq=False)
class WeightSlot:
    """A layer, or a part of one that the file's framework has as a layer.

    Args:
        name: "block/conv", of the layers that it is in and its own.
        place: where it is in the model.
        variables: what is set.
        forms: how a file may hold it, the usual one first.
        normalizes: whether it is a normalisation, which goes with the layer before it.
    """

    name: str
    place: LayerNode
    variables: tuple[Any, ...]
    layouts: tuple[ArrayLayout, ...]
    normalizes: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({type(self.place.layer).__name__})"
