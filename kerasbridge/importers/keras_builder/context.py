"""The context in which a node becomes Keras layers: names, weights, and the order of axes.

In a model images are in the order N, H, W, C; values of any other rank are as in the graph.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerasbridge import layers
from kerasbridge.importers.ir.ops.base import Pair, Shape
from kerasbridge.keras_compat import keras

_WRAPPED = ("cell", "layer", "forward_layer", "backward_layer")
"""The attributes in which layers store the layers that they wrap."""

_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


class UniqueNames:
    """Layer names that Keras accepts, each used once.

    Args:
        permuted: by the id of each tensor that is a transposed one: itself, the other, and the order of axes; so that
            permutations which cancel each other need no layers.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self.permuted: dict[int, tuple[Any, Any, tuple[int, ...]]] = {}

    def new(self, name: str) -> str:
        """Return the name, with "_" for characters that Keras or TensorFlow refuse, and a number if it is taken."""
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name.replace("][", "_").replace("]", ""))
        plain = plain if re.match(r"[A-Za-z0-9.]", plain) else f"layer{plain}"
        unique, number = plain, self._numbers.get(plain, 1)
        while unique.lower() in self._taken:
            unique, number = f"{plain}_{number}", number + 1
        self._numbers[plain] = max(number - 1, 1)
        self._taken.add(unique.lower())
        return unique


class LayerContext:
    """The context of one node in the model that is being built; operations build their layers with it.

    Args:
        name: that of the node.
        inputs, outputs: the shapes of its inputs and outputs, in the order N, C, H, W.
        nonnegative: its first input is never below 0.
        names: of all layers of the model.
    """

    keras = keras
    layers = layers

    def __init__(
        self, name: str, inputs: Sequence[Shape], outputs: Sequence[Shape], nonnegative: bool, names: UniqueNames
    ) -> None:
        self.name, self.inputs, self.outputs, self.nonnegative, self._names = name, inputs, outputs, nonnegative, names

    @property
    def rank(self) -> int:
        """The number of dimensions of the first input."""
        return len(self.inputs[0])

    def layer(
        self, make: Callable[..., Any], inputs: Any, /, *, part: str = "", weights: Sequence[Any] = (), **options: Any
    ) -> Any:
        """Make a layer, set its weights, and return its output.

        Args:
            make: the class of the layer.
            part: ends the name of a layer that is not the node's main layer.
            weights: in the order of Keras; None for those that the layer does not have.
        """
        layer = make(name=self._names.new(f"{self.name}_{part}" if part else self.name), **options)
        with zero_initializers(layer):
            output = layer(inputs)
        if weights:
            layer.set_weights([weight for weight in weights if weight is not None])
        return output

    def zero_padding(self, images: Any, padding: Sequence[Pair], part: str = "pad") -> Any:
        """Return images with zeros around them; without any zeros, the images themselves."""
        if not any(map(any, padding)):
            return images
        return self.layer(keras.layers.ZeroPadding2D, images, part=part, padding=padding)

    def axis(self, axis: int) -> int:
        """Return the axis in the model of an axis of the first input."""
        return keras_axis(axis, self.rank)

    def last_axis(self, axis: int) -> int:
        """Return the axis in the model, with -1 for the last."""
        axis = self.axis(axis)
        return -1 if axis == self.rank - 1 else axis

    def axes(self, start: int) -> tuple[int, ...]:
        """Return the axes in the model of all axes from one on, in the model's order."""
        return tuple(sorted(self.axis(axis) for axis in range(start % self.rank, self.rank)))

    def hwio(self, kernel: Any) -> Any:
        """Return the kernel of a convolution in the order of Keras."""
        return kernel.transpose(2, 3, 1, 0)

    def to_nchw(self, tensor: Any, rank: int) -> Any:
        """Return a tensor of the model with its axes as in the graph."""
        return self.permute(tensor, _TO_FIRST[1:], part="to_nchw") if rank == 4 else tensor

    def to_nhwc(self, tensor: Any, rank: int) -> Any:
        """Return a tensor whose axes are as in the graph with its axes as in the model."""
        return self.permute(tensor, _TO_LAST[1:], part="to_nhwc") if rank == 4 else tensor

    def transpose(self, tensor: Any, order: Sequence[int]) -> Any:
        """Return the tensor with the axes of the graph in another order."""
        axes = _TO_LAST if len(order) == 4 else range(len(order))
        return self.permute(tensor, [keras_axis(order[axis], len(order)) for axis in axes][1:])

    def permute(self, tensor: Any, dims: Sequence[int], part: str = "") -> Any:
        """Return the tensor with its axes in another order, as in `keras.layers.Permute`.

        Two permutations in a row become one layer, or none.
        """
        dims, unchanged = tuple(dims), tuple(range(1, len(dims) + 1))
        _, source, before = self._names.permuted.get(id(tensor), (tensor, tensor, unchanged))
        order = tuple(before[axis - 1] for axis in dims)
        if order == unchanged:
            return source
        moved = self.layer(keras.layers.Permute, source, part=part, dims=order)
        self._names.permuted[id(moved)] = (moved, source, order)
        return moved

    def reshape(self, tensor: Any, before: Shape, after: Shape, part: str = "") -> Any:
        """Return the tensor in another shape, its numbers in the order of the graph."""
        tensor = self.to_nchw(tensor, len(before))
        reshaped = self.layer(keras.layers.Reshape, tensor, part=part, target_shape=after[1:])
        return self.to_nhwc(reshaped, len(after))


@contextlib.contextmanager
def zero_initializers(layer: Any) -> Iterator[None]:
    """Initialize the layer's weights to zeros: they are about to be set, and random values take JAX seconds."""
    initializers = [
        (inner, name, value)
        for inner in _with_wrapped(layer)
        for name, value in vars(inner).items()
        if name.endswith("initializer") and isinstance(value, keras.initializers.Initializer)
    ]
    for inner, name, _ in initializers:
        setattr(inner, name, keras.initializers.Zeros())
    yield
    for inner, name, value in initializers:
        setattr(inner, name, value)


def _with_wrapped(layer: Any) -> Iterator[Any]:
    """Yield a layer and those that it wraps."""
    yield layer
    for wrapped in (*(getattr(layer, name, None) for name in _WRAPPED), *getattr(layer, "cells", ())):
        if isinstance(wrapped, keras.layers.Layer) and not isinstance(wrapped, keras.Model):
            yield from _with_wrapped(wrapped)


def keras_axis(axis: int, rank: int) -> int:
    """Return the axis in the model of an axis of N, C, H, W."""
    return _TO_LAST.index(axis % rank) if rank == 4 else axis % rank


def keras_shape(shape: Shape) -> Shape:
    """Return the shape of a value in the model."""
    return tuple(shape[axis] for axis in _TO_LAST) if len(shape) == 4 else shape
