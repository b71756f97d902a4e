"""Where a node becomes layers: their names, their weights, and the order of their axes.

In a built model images lie in the order N, H, W, C; values of any other number of dimensions as the file has them.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerasbridge.importers.ir.ops import Shape
from kerasbridge.keras_compat import keras

_WITHIN = ("cell", "layer", "forward_layer", "backward_layer")
"""What layers that wrap others call these."""

_TO_LAST, _TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


class UniqueNames:
    """Names of layers that Keras takes and that no two layers share.

    Args:
        permuted: by the id of each tensor that only has the axes of another in an order of its own: itself, the other,
            and the order; so that orders which cancel each other make no layers.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self.permuted: dict[int, tuple[Any, Any, tuple[int, ...]]] = {}

    def new(self, wanted: str) -> str:
        """The name, with "_" for what Keras or TensorFlow refuse, and a number where it is taken."""
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", wanted.replace("][", "_").replace("]", ""))
        plain = plain if re.match(r"[A-Za-z0-9.]", plain) else f"layer{plain}"
        name, number = plain, 1
        while name.lower() in self._taken:
            name, number = f"{plain}_{number}", number + 1
        self._taken.add(name.lower())
        return name


class LayerContext:
    """The place of one node in the model that is being built.

    Args:
        name: the node's.
        inputs, outputs: the shapes of what it takes and gives, in the order N, C, H, W.
        nonnegative: whether its first input is never below 0.
        names: of all layers of the model.
    """

    def __init__(
        self, name: str, inputs: Sequence[Shape], outputs: Sequence[Shape], nonnegative: bool, names: UniqueNames
    ) -> None:
        self.name, self.inputs, self.outputs, self.nonnegative, self._names = name, inputs, outputs, nonnegative, names

    @property
    def rank(self) -> int:
        """How many dimensions the first input has."""
        return len(self.inputs[0])

    def layer(
        self, kind: Callable[..., Any], inputs: Any, /, *, part: str = "", weights: Sequence[Any] = (), **options: Any
    ) -> Any:
        """What a new layer makes of the inputs.

        Args:
            kind: the class of the layer.
            part: what it is for, where it is not the node's main layer; its name ends in it.
            weights: its weights, as Keras has them; None among them for those that there are not.
        """
        layer = kind(name=self._names.new(f"{self.name}_{part}" if part else self.name), **options)
        with zero_initializers(layer):
            output = layer(inputs)
        if weights:
            layer.set_weights([weight for weight in weights if weight is not None])
        return output

    def axis(self, axis: int) -> int:
        """Where an axis of the first input lies in the model."""
        return keras_axis(axis, self.rank)

    def axes(self, start: int) -> tuple[int, ...]:
        """Where the axes from one on lie in the model, in their order there."""
        return tuple(sorted(self.axis(axis) for axis in range(start % self.rank, self.rank)))

    def to_file_order(self, tensor: Any, rank: int) -> Any:
        """The tensor with its axes as the file has them."""
        return self.permuted(tensor, _TO_FIRST[1:], part="to_nchw") if rank == 4 else tensor

    def from_file_order(self, tensor: Any, rank: int) -> Any:
        """The tensor, whose axes are as the file has them, with axes as in the model."""
        return self.permuted(tensor, (2, 3, 1), part="to_nhwc") if rank == 4 else tensor

    def permuted(self, tensor: Any, dims: Sequence[int], part: str = "") -> Any:
        """The tensor with its axes in another order, as Keras's `Permute` says it; of two orders one layer is made."""
        dims = tuple(dims)
        _, source, before = self._names.permuted.get(id(tensor), (tensor, tensor, tuple(range(1, len(dims) + 1))))
        order = tuple(before[place - 1] for place in dims)
        if order == tuple(range(1, len(dims) + 1)):
            return source
        moved = self.layer(keras.layers.Permute, source, part=part, dims=order)
        self._names.permuted[id(moved)] = (moved, source, order)
        return moved

    def reshape(self, tensor: Any, before: Shape, after: Shape, part: str = "") -> Any:
        """The tensor in another shape, its numbers in the order that the file has them in."""
        ordered = self.to_file_order(tensor, len(before))
        there = self.layer(keras.layers.Reshape, ordered, part=part, target_shape=after[1:])
        return self.from_file_order(there, len(after))


@contextlib.contextmanager
def zero_initializers(layer: Any) -> Iterator[None]:
    """While open, the layer's weights begin as zeros: they are about to be set, and drawing them takes JAX seconds."""
    before = [
        (one, name, value)
        for one in _with_those_within(layer)
        for name, value in vars(one).items()
        if name.endswith("initializer") and isinstance(value, keras.initializers.Initializer)
    ]
    for one, name, _ in before:
        setattr(one, name, keras.initializers.Zeros())
    yield
    for one, name, value in before:
        setattr(one, name, value)


def _with_those_within(layer: Any) -> Iterator[Any]:
    yield layer
    for within in (*(getattr(layer, name, None) for name in _WITHIN), *getattr(layer, "cells", ())):
        if isinstance(within, keras.layers.Layer) and not isinstance(within, keras.Model):
            yield from _with_those_within(within)


def keras_axis(axis: int, rank: int) -> int:
    """Where an axis of N, C, H, W lies in the model."""
    return _TO_LAST.index(axis % rank) if rank == 4 else axis % rank


def keras_shape(shape: Shape) -> Shape:
    """A shape as the model has it."""
    return tuple(shape[axis] for axis in _TO_LAST) if len(shape) == 4 else shape


def keras_permutation(order: Sequence[int]) -> tuple[int, ...]:
    """A transposition of the file's axes as one of the model's, without the batch, for Keras's `Permute`."""
    rank = len(order)
    places = _TO_LAST if rank == 4 else range(rank)
    return tuple(keras_axis(order[place], rank) for place in places)[1:]
