"""One node of a graph while it is followed: its options, what it is given, and how it becomes operations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops import Operation, Shape, ShapeError, Transpose, UnknownDimension
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.execution_state import ExecutionState
from kerasbridge.importers.tensorflow.graphdef import Node
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, Constant, SymbolicDim, Tensor, Value
from kerasbridge.importers.tensorflow.tensors import base_dtype

CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 1, 2, 3)
"""Which axis of N, C, H, W each axis of N, H, W, C, and of itself, is."""


@dataclass(frozen=True)
class NodeContext:
    """A node and the values that it is given."""

    node: Node
    inputs: list[Value]
    state: ExecutionState
    name: str
    """With the names of the functions around it."""

    call_function: Callable[[str, Sequence[Value]], list[Value]]
    """Executes a function of the graph on values."""

    def has(self, option: str) -> bool:
        """Return whether the node says an option."""
        return option in self.node.attributes

    def text(self, option: str, default: str = "") -> str:
        """An option that is a text."""
        return self.node.attributes[option].s.decode("utf-8", "replace") if self.has(option) else default

    def number(self, option: str, default: float) -> float:
        """An option that is a number, as the decimal that was written."""
        return float(f"{self.node.attributes[option].f:.7g}") if self.has(option) else default

    def whole(self, option: str, default: int) -> int:
        """An option that is a whole number."""
        return int(self.node.attributes[option].i) if self.has(option) else default

    def flag(self, option: str, default: bool = False) -> bool:
        """An option that is set or not."""
        return bool(self.node.attributes[option].b) if self.has(option) else default

    def wholes(self, option: str) -> tuple[int, ...]:
        """An option that is a list of whole numbers."""
        return tuple(self.node.attributes[option].list.i) if self.has(option) else ()

    def dtype(self, option: str) -> int:
        """An option that is a type of numbers."""
        return base_dtype(self.node.attributes[option].type) if self.has(option) else 0

    def tensor(self, place: int = 0) -> Tensor:
        """An input that is a value of the network."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if not isinstance(value, Tensor):
            raise Unsupported(f"has an input {place} that does not depend on what is fed to the model")
        return value

    def known(self, place: int) -> Constant:
        """An input that is an array."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if not isinstance(value, np.ndarray):
            raise Unsupported(f"has an input {place} that depends on what is fed to the model")
        return value

    def weights(self, place: int, rank: int) -> Any:
        """An input that is weights, so many dimensions of them."""
        array = self.known(place)
        if array.ndim != rank or array.dtype == object or not array.size:
            raise Unsupported(f"has weights of shape {array.shape}, where {rank} dimensions are expected")
        return np.ascontiguousarray(array, np.float32)

    def listed(self, place: int) -> list[Any]:
        """An input that is whole numbers, or sizes of which some are `SymbolicDim`."""
        return [one if isinstance(one, SymbolicDim) else int(one) for one in np.ravel(self.known(place))]

    def fixed(self, place: int) -> list[int]:
        """An input that is whole numbers."""
        found = self.listed(place)
        if any(isinstance(one, SymbolicDim) for one in found):
            raise Unsupported("has numbers that depend on the size of images")
        return found

    def axis(self, place: int, rank: int) -> int:
        """An input that is an axis."""
        (axis,) = self.fixed(place)
        if not -rank <= axis < rank:
            raise Unsupported(f"has an axis {axis} of {rank}")
        return axis % rank

    def emit(
        self, operation: Operation, *tensors: Tensor, order: Sequence[int] | None = None, part: str = ""
    ) -> Tensor:
        """What an operation makes of values.

        Args:
            order: of the result's axes; that of the first value where it is not said.
            part: what it is for, where it is not the node's main operation.
        """
        (tensor,) = self.emit_all(operation, *tensors, order=order, part=part)
        return tensor

    def emit_all(
        self, operation: Operation, *tensors: Tensor, order: Sequence[int] | None = None, part: str = ""
    ) -> list[Tensor]:
        """What an operation of several results makes of values."""
        try:
            shapes = operation.shapes(*(tensor.shape for tensor in tensors))
        except UnknownDimension as unknown:
            shapes = _partial_shapes(operation, tensors, unknown)
        except (ShapeError, TypeError, IndexError) as misfit:
            given = ", ".join(str(tensor.sizes) for tensor in tensors)
            raise Unsupported(f"has inputs of shape {given} that do not fit it: {misfit}") from None
        if any(size is not None and size < 1 for shape in shapes for size in shape):
            raise Unsupported(f"has a result of the shape {shapes[0]}")
        names = self.state.add_operation(self.node, operation, [tensor.name for tensor in tensors], len(shapes), part)
        orders = [_order(shape, tensors[0].order if order is None else order) for shape in shapes]
        found = [Tensor(*three) for three in zip(names, shapes, orders, strict=True)]
        self.state.tensors.update((tensor.name, tensor) for tensor in found)
        return found

    def ordered(self, tensor: Tensor, order: Sequence[int]) -> Tensor:
        """The value with the axes of the network's in this order."""
        if tensor.order == tuple(order):
            return tensor
        moved = [0] * tensor.rank
        for graph_axis, axis in enumerate(order):
            moved[axis] = tensor.order[graph_axis]
        return self.emit(Transpose(tuple(moved)), tensor, order=order, part="order")

    def plain(self, tensor: Tensor) -> Tensor:
        """The value with the axes of the network's as those of the graph."""
        return self.ordered(tensor, range(tensor.rank))

    def images(self, place: int = 0) -> Tensor:
        """An input that is images, in the network as N, C, H, W."""
        tensor = self.tensor(place)
        if tensor.rank != 4:
            raise Unsupported(f"has an input of {tensor.rank} dimensions, where images have 4")
        return self.ordered(tensor, self.image_order)

    @property
    def image_order(self) -> tuple[int, ...]:
        """Which axes of N, C, H, W the node's are."""
        found = self.text("data_format", "NHWC")
        if found not in ("NHWC", "NCHW"):
            raise Unsupported(f"has a data_format {found}")
        return CHANNELS_LAST if found == "NHWC" else CHANNELS_FIRST

    def down_and_right(self, option: str) -> tuple[int, int]:
        """An option with a number for each axis, of the height and the width; those of batch and channels are 1."""
        found = self.wholes(option) or (1, 1, 1, 1)
        if len(found) != 4:
            raise Unsupported(f"has {len(found)} {option}")
        by_axis = dict(zip(self.image_order, found, strict=True))
        if by_axis[0] != 1 or by_axis[1] != 1:
            raise Unsupported(f"has {option} of {list(found)}, along the batch or the channels")
        if not (1 <= by_axis[2] <= 2**16 and 1 <= by_axis[3] <= 2**16):
            raise Unsupported(f"has {option} of {list(found)}")
        return by_axis[2], by_axis[3]

    def sizes(self, tensor: Tensor) -> list[Any]:
        """The sizes of a value in the graph; those that are not known are `SymbolicDim`."""
        found: list[Any] = [BATCH]
        for axis, size in enumerate(tensor.sizes[1:], 1):
            found.append(SymbolicDim(f"{tensor.name} {tensor.order[axis]}") if size is None else size)
        return found


def _order(shape: Shape, order: Sequence[int]) -> tuple[int, ...]:
    return tuple(order) if len(order) == len(shape) else tuple(range(len(shape)))


def _partial_shapes(operation: Operation, tensors: Sequence[Tensor], unknown: UnknownDimension) -> tuple[Shape, ...]:
    """The shapes of results, where sizes are open that have to be known: whoever asks for these is asked for them."""
    try:
        return operation.partial_shapes(*(tensor.shape for tensor in tensors))
    except UnknownDimension:
        raise Unsupported(f"has an input of a size that the file leaves open: {unknown}") from None
