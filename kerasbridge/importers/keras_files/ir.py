"""A Keras 1 or 2 model in the terms of Keras 3, as plain data: layers, their weights and their calls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from kerasbridge.importers.ir.ops import Array, Shape

CHANNELS_FIRST: Final = "channels_first"
CHANNELS_LAST: Final = "channels_last"

Arrange = Callable[[Sequence[Array]], Sequence[Sequence[Array]]]
"""Converts the arrays of a layer in the file to those of each of its parts, in the order of Keras 3."""

BuildWeights = Callable[[Sequence[Array], Shape], Sequence[Array]]
"""Converts the arrays of a part to its weights, given its input shape with the channels last; raises ValueError if they
do not fit."""


class Ref(NamedTuple):
    """A tensor: a layer, the index of one of its calls, and the index of one of the results of this call."""

    layer: str
    call: int = 0
    result: int = 0


@dataclass(frozen=True)
class Part:
    """One of the Keras 3 layers that replace a layer of the file.

    Args:
        kind: its class.
        options: its arguments, without `data_format`.
        data_format: that of its images in the file; None if it does not take images.
        suffix: a suffix of its name if it is not the main part, for example "pad".
        inner: the layer that it wraps.
        build_weights: computes its weights if these depend on its input shape.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    data_format: str | None = None
    suffix: str = ""
    inner: "Part | None" = None
    build_weights: BuildWeights | None = None

    @property
    def core(self) -> "Part":
        """Return the wrapped layer of a wrapper, else the part itself."""
        return self.inner or self


def _all_to_one_part(arrays: Sequence[Array]) -> Sequence[Sequence[Array]]:
    return [arrays]


@dataclass(frozen=True)
class Layer:
    """A layer of the file, and the Keras 3 layers that replace it.

    Args:
        name, type: its name and class in the file.
        parts: the Keras 3 layers, called one after the other; none for a model, or the wrapper around it.
        weight_names: the names of its arrays in the file, in their order there.
        arrange: distributes its arrays over the parts.
        model: the model that it is or wraps.
        trainable: whether it is trained.
        notes: differences from the layer in the file, for the report.
        arrays: its arrays in the file; () until they are assigned.
        weights: the arrays of each part; () until they are assigned.
    """

    name: str
    type: str
    parts: tuple[Part, ...] = ()
    weight_names: tuple[str, ...] = ()
    arrange: Arrange = _all_to_one_part
    model: "Model | None" = None
    trainable: bool = True
    notes: tuple[str, ...] = ()
    arrays: tuple[Array, ...] = ()
    weights: tuple[tuple[Array, ...], ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Input:
    """An input of a model; its shape includes the batch."""

    name: str
    shape: Shape
    dtype: str = "float32"


@dataclass(frozen=True)
class Call:
    """A call of a layer.

    Args:
        layer: the name of the layer.
        index: the number of its earlier calls.
        inputs: the tensors it is called on.
        options: further arguments; a tensor among them is a `Ref`.
    """

    layer: str
    index: int
    inputs: tuple[Ref, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def tensors(self) -> set[Ref]:
        """Return all tensors among its inputs and options."""
        return {*self.inputs, *(value for value in self.options.values() if isinstance(value, Ref))}


@dataclass(frozen=True)
class Model:
    """Layers, and their calls in topological order."""

    name: str
    inputs: tuple[Input, ...]
    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    outputs: tuple[Ref, ...]

    def all_layers(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield the path and the layer of each layer, those of nested models included.

        Args:
            prefix: of all paths.
        """
        for layer in self.layers.values():
            yield f"{prefix}{layer.name}", layer
            if layer.model is not None:
                yield from layer.model.all_layers(f"{prefix}{layer.name}/")


@dataclass(frozen=True)
class WeightsOnly:
    """Weights without a model.

    Args:
        layers: the arrays of each layer that has any, by name; all in the order of the file.
        version: 1 or 2, the version of Keras.
        backend: the backend of Keras; "" if the file does not record it.
        flip_kernels: whether to flip kernels along their spatial axes; None if that is unknown.
    """

    layers: Mapping[str, Mapping[str, Array]]
    version: int
    backend: str
    flip_kernels: bool | None
