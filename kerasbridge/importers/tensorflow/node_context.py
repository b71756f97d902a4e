"""One node of a graph while it is executed: its options, its inputs, and the operations that it becomes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.base import Operation, Shape, ShapeError, UnknownDimension
from kerasbridge.importers.ir.ops.transpose import Transpose
from kerasbridge.importers.ir.options import decimal
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.execution_state import ExecutionState
from kerasbridge.importers.tensorflow.graphdef import Node
from kerasbridge.importers.tensorflow.symbolic_values import BATCH, Constant, SymbolicDim, Tensor, Value
from kerasbridge.importers.tensorflow.tensors import base_dtype

CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 1, 2, 3)
"""For each axis of N, H, W, C, and of N, C, H, W, the axis in N, C, H, W."""


@dataclass(frozen=True)
class NodeContext:
    """A node and the values of its inputs.

    Args:
        name: of the node, with the names of the functions around it.
        call_function: executes a function of the graph on values.
    """

    node: Node
    inputs: list[Value]
    state: ExecutionState
    name: str
    call_function: Callable[[str, Sequence[Value]], list[Value]]

    @property
    def op(self) -> str:
        """The operation of the node."""
        return self.node.op

    def has(self, option: str) -> bool:
        """Return whether the node sets an option."""
        return option in self.node.attributes

    def text(self, option: str, default: str = "") -> str:
        """Return an option that is a string."""
        return self.node.attributes[option].s.decode("utf-8", "replace") if self.has(option) else default

    def number(self, option: str, default: float) -> float:
        """Return an option that is a number, as the decimal that was written."""
        return decimal(self.node.attributes[option].f) if self.has(option) else default

    def integer(self, option: str, default: int) -> int:
        """Return an option that is an integer."""
        return int(self.node.attributes[option].i) if self.has(option) else default

    def flag(self, option: str, default: bool = False) -> bool:
        """Return an option that is a boolean."""
        return bool(self.node.attributes[option].b) if self.has(option) else default

    def integers(self, option: str) -> tuple[int, ...]:
        """Return an option that is a list of integers."""
        return tuple(self.node.attributes[option].list.i) if self.has(option) else ()

    def dtype(self, option: str) -> int:
        """Return an option that is a dtype."""
        return base_dtype(self.node.attributes[option].type) if self.has(option) else 0

    def tensor(self, place: int = 0) -> Tensor:
        """Return an input that is a value of the network."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if not isinstance(value, Tensor):
            raise Unsupported(f"has an input {place} that does not depend on what is fed to the model")
        return value

    def constant(self, place: int) -> Constant:
        """Return an input that is a constant."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if not isinstance(value, np.ndarray):
            raise Unsupported(f"has an input {place} that depends on what is fed to the model")
        return value

    def constants(self) -> list[Constant]:
        """Return all inputs, which are constants."""
        return [self.constant(place) for place in range(len(self.inputs))]

    def weights(self, place: int, rank: int) -> Any:
        """Return an input that is weights, with a number of dimensions."""
        array = self.constant(place)
        if array.ndim != rank or array.dtype == object or not array.size:
            raise Unsupported(f"has weights of shape {array.shape}, where {rank} dimensions are expected")
        return np.ascontiguousarray(array, np.float32)

    def constant_dims(self, place: int) -> list[Any]:
        """Return an input that is integers, some of which may be a `SymbolicDim`."""
        return [dim if isinstance(dim, SymbolicDim) else int(dim) for dim in np.ravel(self.constant(place))]

    def constant_ints(self, place: int) -> list[int]:
        """Return an input that is integers."""
        dims = self.constant_dims(place)
        if any(isinstance(dim, SymbolicDim) for dim in dims):
            raise Unsupported("has numbers that depend on the size of images")
        return dims

    def axis(self, place: int, rank: int) -> int:
        """Return an input that is an axis."""
        (axis,) = self.constant_ints(place)
        if not -rank <= axis < rank:
            raise Unsupported(f"has an axis {axis} of {rank}")
        return axis % rank

    def emit(
        self, operation: Operation, *tensors: Tensor, order: Sequence[int] | None = None, part: str = ""
    ) -> Tensor:
        """Add an operation and return its result.

        Args:
            order: of the result's axes; by default that of the first value.
            part: added to the name, if it is not the main operation of the node.
        """
        (tensor,) = self.emit_all(operation, *tensors, order=order, part=part)
        return tensor

    def emit_all(
        self, operation: Operation, *tensors: Tensor, order: Sequence[int] | None = None, part: str = ""
    ) -> list[Tensor]:
        """Add an operation and return its results."""
        try:
            shapes = operation.shapes(*(tensor.shape for tensor in tensors))
        except UnknownDimension as unknown:
            shapes = _partial_shapes(operation, tensors, unknown)
        except (ShapeError, TypeError, IndexError) as error:
            inputs = ", ".join(str(tensor.graph_shape) for tensor in tensors)
            raise Unsupported(f"has inputs of shape {inputs} that do not fit it: {error}") from None
        if any(size is not None and size < 1 for shape in shapes for size in shape):
            raise Unsupported(f"has a result of the shape {shapes[0]}")
        names = self.state.add_operation(self.node, operation, [tensor.name for tensor in tensors], len(shapes), part)
        order = tuple(tensors[0].order if order is None else order)
        results = []
        for name, shape in zip(names, shapes, strict=True):
            results.append(Tensor(name, shape, order if len(order) == len(shape) else tuple(range(len(shape)))))
            self.state.tensors[name] = results[-1]
        return results

    def with_order(self, tensor: Tensor, order: Sequence[int]) -> Tensor:
        """Return the value with its axes in an order, transposed if necessary."""
        if tensor.order == tuple(order):
            return tensor
        moved = [0] * tensor.rank
        for graph_axis, axis in enumerate(order):
            moved[axis] = tensor.order[graph_axis]
        return self.emit(Transpose(tuple(moved)), tensor, order=order, part="order")

    def with_graph_order(self, tensor: Tensor) -> Tensor:
        """Return the value with its axes as in the TensorFlow graph."""
        return self.with_order(tensor, range(tensor.rank))

    def images(self, place: int = 0) -> Tensor:
        """Return an input that is images, as N, C, H, W in the network."""
        tensor = self.tensor(place)
        if tensor.rank != 4:
            raise Unsupported(f"has an input of {tensor.rank} dimensions, where images have 4")
        return self.with_order(tensor, self.image_order)

    @property
    def image_order(self) -> tuple[int, ...]:
        """The index in N, C, H, W of each axis of the node."""
        data_format = self.text("data_format", "NHWC")
        if data_format not in ("NHWC", "NCHW"):
            raise Unsupported(f"has a data_format {data_format}", "data_format")
        return CHANNELS_LAST if data_format == "NHWC" else CHANNELS_FIRST

    def spatial_pair(self, option: str) -> tuple[int, int]:
        """Return height and width of an option with a number for each axis; batch and channels have to be 1."""
        values = self.integers(option) or (1, 1, 1, 1)
        if len(values) != 4:
            raise Unsupported(f"has {len(values)} {option}", option)
        by_axis = dict(zip(self.image_order, values, strict=True))
        if by_axis[0] != 1 or by_axis[1] != 1:
            raise Unsupported(f"has {option} of {list(values)}, along the batch or the channels", option)
        if not (1 <= by_axis[2] <= 2**16 and 1 <= by_axis[3] <= 2**16):
            raise Unsupported(f"has {option} of {list(values)}", option)
        return by_axis[2], by_axis[3]

    def symbolic_shape(self, tensor: Tensor) -> list[Any]:
        """Return the shape of a value in the TensorFlow graph; unknown sizes are a `SymbolicDim`."""
        axes = zip(tensor.order[1:], tensor.graph_shape[1:], strict=True)
        return [BATCH, *(SymbolicDim(f"{tensor.name} {axis}") if size is None else size for axis, size in axes)]


def _partial_shapes(operation: Operation, tensors: Sequence[Tensor], unknown: UnknownDimension) -> tuple[Shape, ...]:
    """Return the shapes of results with unknown dimensions; using one of those later raises."""
    try:
        return operation.partial_shapes(*(tensor.shape for tensor in tensors))
    except UnknownDimension:
        raise Unsupported(f"has an input of a size that the file leaves open: {unknown}") from None
