"""Weight slots: the weights of one layer of a Keras model, with the layouts in which a file may store them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.weight_transfer.model_graph import LayerNode


@dataclass(frozen=True)
class ArraySpec:
    """The role and shape of an array in a file."""

    role: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.role} {self.shape}"


@dataclass(frozen=True)
class ArrayLayout:
    """The arrays of one module in the file's order, and their conversion to Keras weights.

    Args:
        arrays: the role and shape of each array.
        to_keras: takes these arrays and returns the values of the slot's variables, in their order; it raises
            `NotAssignable` if the arrays have no equivalent in Keras.
    """

    arrays: tuple[ArraySpec, ...]
    to_keras: Callable[..., Sequence[Array]]

    def __str__(self) -> str:
        return ", ".join(map(str, self.arrays))


@dataclass(frozen=True, eq=False)
class WeightSlot:
    """The weights of a Keras layer that one module of the file sets.

    Args:
        name: the name of the layer after those of the layers that contain it: "block/conv".
        node: the layer's place in the model.
        variables: the variables to set.
        layouts: the layouts in which a file may store them, the most common one first.
        normalizes: whether it is a normalization, which belongs to the layer before it.
        reordered: whether its features are in another order than in the file.
    """

    name: str
    node: LayerNode
    variables: tuple[Any, ...]
    layouts: tuple[ArrayLayout, ...]
    normalizes: bool = False
    reordered: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({type(self.node.layer).__name__})"
