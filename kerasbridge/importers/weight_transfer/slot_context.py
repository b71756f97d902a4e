"""Where a layer's parts are made: what its weights have to know of the file's conventions and of the model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Parameters
from kerasbridge.importers.weight_transfer.flatten_order import AxisOrders
from kerasbridge.importers.weight_transfer.model_graph import LayerNode
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, WeightSlot


class SlotContext:
    """One place of a model, and the file that is brought onto it.

    Args:
        place: the layer's.
        orders: of the whole model.
        parameters: what the file holds.
        inside: the names of the layers that the weights are in, where the place holds others.
    """

    def __init__(self, place: LayerNode, orders: AxisOrders, parameters: Parameters, inside: str = "") -> None:
        self.place, self._orders, self._parameters, self._inside = place, orders, parameters, inside

    @property
    def convention(self) -> str:
        """Whose layers the file has."""
        return self._parameters.convention

    @property
    def pytorch(self) -> bool:
        """Return whether they are PyTorch's; else they are Lasagne's, as those of TensorFlow are `alike`."""
        return self.convention == "pytorch"

    def inner(self, name: str) -> "SlotContext":
        """The site of a layer that the place's layer holds."""
        return SlotContext(self.place, self._orders, self._parameters, f"{self._inside}/{name}")

    def slot(
        self, variables: Sequence[Any], forms: Sequence[ArrayLayout], name: str = "", normalizes: bool = False
    ) -> WeightSlot:
        """A part of the layer; variables that are None are left out."""
        whole = self.place.name + self._inside + (f"/{name}" if name else "")
        return WeightSlot(
            whole, self.place, tuple(one for one in variables if one is not None), tuple(forms), normalizes
        )

    def index(self, count: int, made: bool = False) -> Array | None:
        """Which of the file's numbers each is that the layer takes, or gives; None where they are in place."""
        return self._orders.index(self.place, count, made)

    def axes(self, rank: int) -> tuple[int, ...] | None:
        """How the axes of what the layer takes lie to the file's, if that is known."""
        axes = self._orders.given(self.place).axes
        return axes if axes is not None and len(axes) == rank else None

    def flip(self, weight: Array) -> Array:
        """The kernels, turned in space if the file's are those of a true convolution."""
        flip = self._parameters.flip_kernels
        if weight.shape[2:] == (1,) * (weight.ndim - 2):
            return weight
        if flip is None:
            raise ArgumentError(
                f"{self._parameters.file} has kernels of convolutions and does not say whether they are turned in "
                f"space. {self._parameters.asking}"
            )
        return np.flip(weight, axis=tuple(range(2, weight.ndim))) if flip else weight

    @staticmethod
    def reorder(array: Array, index: Array | None) -> Array:
        """The array along its first axis in the model's order."""
        return array if index is None else array[index]
