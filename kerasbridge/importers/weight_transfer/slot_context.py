"""The context in which the slots of a layer are created: its place in the model and the conventions of the file."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError
from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Convention, Parameters
from kerasbridge.importers.weight_transfer.flatten_order import AxisOrders
from kerasbridge.importers.weight_transfer.model_graph import LayerNode
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, WeightSlot


class SlotContext:
    """A layer of a model, and the file whose weights are loaded into it.

    Args:
        node: the layer's place in the model.
        orders: the axis orders of the whole model.
        parameters: the content of the file.
        inner_path: for a layer inside the node's layer, "/" and its name.
    """

    def __init__(self, node: LayerNode, orders: AxisOrders, parameters: Parameters, inner_path: str = "") -> None:
        self.node, self._orders, self._parameters, self._inner_path = node, orders, parameters, inner_path
        self._reordered = False

    @property
    def convention(self) -> Convention:
        """The framework whose layouts the file has."""
        return self._parameters.convention

    @property
    def pytorch(self) -> bool:
        """Return whether it is PyTorch; else it is Lasagne, as `layouts.tensorflow` needs no conversion."""
        return self.convention == "pytorch"

    def inner(self, name: str) -> "SlotContext":
        """Return the context of a layer inside the node's layer."""
        return SlotContext(self.node, self._orders, self._parameters, f"{self._inner_path}/{name}")

    def slot(
        self, variables: Sequence[Any], layouts: Sequence[ArrayLayout], name: str = "", normalizes: bool = False
    ) -> WeightSlot:
        """Return a slot of the layer; variables that are None are left out."""
        slot_name = self.node.name + self._inner_path + (f"/{name}" if name else "")
        existing = tuple(variable for variable in variables if variable is not None)
        return WeightSlot(slot_name, self.node, existing, tuple(layouts), normalizes, self._reordered)

    def input_index(self, count: int) -> Array | None:
        """Return the position in the file's order of each of the layer's input features; None for the same order.

        Raises:
            NotAssignable: the order of the input features is unknown.
        """
        index = self._orders.input_index(self.node, count)
        self._reordered |= index is not None
        return index

    def output_index(self, count: int) -> Array | None:
        """Return the position in the file's order of each of the layer's output features; None for the same order."""
        index = self._orders.output_index(self.node, count)
        self._reordered |= index is not None
        return index

    def input_axes(self, rank: int) -> tuple[int, ...] | None:
        """Return the file's axis for each axis of the layer's input, if it is known."""
        axes = self._orders.input_order(self.node).axes
        return axes if axes is not None and len(axes) == rank else None

    def flip(self, weight: Array) -> Array:
        """Return the kernels, flipped along height and width if the file's are those of a true convolution."""
        flip = self._parameters.flip_kernels
        if weight.shape[2:] == (1,) * (weight.ndim - 2):
            return weight
        if flip is None:
            raise ArgumentError(
                f"{self._parameters.file} has convolution kernels, and does not record whether they are flipped along "
                f"height and width. {self._parameters.flip_kernels_hint}"
            )
        return np.flip(weight, axis=tuple(range(2, weight.ndim))) if flip else weight

    @staticmethod
    def reorder(array: Array, index: Array | None) -> Array:
        """Return the array with its first axis in the model's order."""
        return array if index is None else array[index]
