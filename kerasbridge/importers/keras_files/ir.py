"""A model of an old Keras in the words of Keras 3, as plain data: layers, their weights, and who calls whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kerasbridge.importers.ir.ops import Array, Shape

CHANNELS_FIRST, CHANNELS_LAST = "channels_first", "channels_last"

Arrange = Callable[[Sequence[Array]], Sequence[Sequence[Array]]]
"""What makes of the arrays of a layer in the file those of each of its parts, in the order that Keras 3 has them in."""

Fit = Callable[[Sequence[Array], Shape], Sequence[Array]]
"""What makes of a part's arrays its weights, by the shape of what it takes, channels last; ValueError where they are of
no size that fits."""


class Ref(NamedTuple):
    """A tensor: the layer that gives it, at which of its calls, and which of the call's results."""

    layer: str
    call: int = 0
    result: int = 0


@dataclass(frozen=True)
class Part:
    """One layer of Keras 3.

    Args:
        kind: its class.
        options: its arguments. Of the order of axes they say nothing.
        order: "channels_first" or "channels_last", as its images lie in the file; None where it takes no images.
        suffix: what it is for, where it is not the main layer; its name ends in it.
        inner: the layer that it wraps, for wrappers.
        fit: what makes its weights where more than its arguments decides it.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    data_format: str | None = None
    suffix: str = ""
    inner: "Part | None" = None
    fit: Fit | None = None


def _alone(arrays: Sequence[Array]) -> Sequence[Sequence[Array]]:
    return [arrays]


@dataclass(frozen=True)
class Layer:
    """A layer of the file, and the layers of Keras 3 that take its place, one after the other.

    Args:
        name, type: as in the file.
        parts: what takes its place. A model within the model has none, or what wraps it.
        names: how its arrays are called in the file, in their order there.
        arrange: what makes the weights of the parts of them.
        model: the model that it is or wraps.
        trainable: whether it is trained.
        notes: what of it is not in the parts.
        arrays: the arrays of the file, once they are there.
        weights: those of each part, once they are there.
    """

    name: str
    type: str
    parts: tuple[Part, ...] = ()
    names: tuple[str, ...] = ()
    arrange: Arrange = _alone
    model: "Model | None" = None
    trainable: bool = True
    notes: tuple[str, ...] = ()
    arrays: tuple[Array, ...] = ()
    weights: tuple[tuple[Array, ...], ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Input:
    """What is fed to a model: name, shape with the batch, and type of numbers."""

    name: str
    shape: Shape
    dtype: str = "float32"


@dataclass(frozen=True)
class Call:
    """A layer called on tensors.

    Args:
        layer: its name.
        index: which of its calls this is.
        inputs: the tensors.
        options: further arguments of the call; tensors among them are a `Ref`.
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
    """Layers and their calls, each after those whose results it takes."""

    name: str
    inputs: tuple[Input, ...]
    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    outputs: tuple[Ref, ...]

    def all_layers(self, place: str = "") -> Sequence[tuple[str, Layer]]:
        """All layers with where they are, those of models within it too."""
        found: list[tuple[str, Layer]] = []
        for layer in self.layers.values():
            found.append((place, layer))
            if layer.model is not None:
                found += layer.model.all_layers(f"{place}{layer.name}/")
        return found


@dataclass(frozen=True)
class WeightsAlone:
    """Weights without a model.

    Args:
        layers: by the name of each layer that has any, its arrays by their names, all in the file's order.
        version: 1 or 2, the Keras that wrote them.
        backend: what it ran on, "" where the file does not say it.
        flip_kernels: whether kernels are to be turned in space; None where it is not known.
    """

    layers: Mapping[str, Mapping[str, Array]]
    version: int
    backend: str
    flip_kernels: bool | None
