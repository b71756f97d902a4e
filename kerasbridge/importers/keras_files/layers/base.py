"""The configuration that a converter of layers receives, and the table in which converters are registered."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.keras_files.arguments import (
    convert_activation,
    convert_constraint,
    convert_dtype,
    convert_initializer,
    convert_regularizer,
)
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Layer, Part
from kerasbridge.importers.keras_files.provenance import Origin, UnsupportedLayer

_ARGUMENT_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "initializer": convert_initializer,
    "regularizer": convert_regularizer,
    "constraint": convert_constraint,
}
"""Converters of arguments by the last word of their names."""

KERNEL_ARGUMENTS = (
    "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
    "activity_regularizer", "kernel_constraint", "bias_constraint",
)  # fmt: skip
"""The arguments that layers with a kernel have in common."""


@dataclass(frozen=True)
class LayerConfig:
    """The configuration of a layer in a file, with the class and the argument names of Keras 2.

    Args:
        name, type: its name and class in the file.
        kind: its class in Keras 2.
        arguments: the arguments of its constructor.
        origin: the provenance of the file.
        convert_inner: converts a layer that this one wraps, from its class and configuration.
    """

    name: str
    type: str
    kind: str
    arguments: Mapping[str, Any]
    origin: Origin
    convert_inner: Callable[[str, Mapping[str, Any]], Layer]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument, or `default` if it is missing or null."""
        value = self.arguments.get(name)
        return default if value is None else value

    def sizes(self, name: str, default: int = 1) -> tuple[int, ...]:
        """Return an argument with one integer for each spatial axis; the file can have one for all axes."""
        value = self.get(name, default)
        sizes = tuple(value) if isinstance(value, list | tuple) else (value,) * self.spatial_rank
        if len(sizes) != self.spatial_rank or not all(isinstance(size, int) for size in sizes):
            raise ValueError(f"{name} is {value!r}")
        return sizes

    @property
    def spatial_rank(self) -> int:
        """Return the number of spatial axes in the name of the class: 2 for Conv2D."""
        match = re.search("([123])D", self.kind)
        assert match is not None
        return int(match[1])

    @property
    def trainable(self) -> bool:
        """Return whether the layer is trained."""
        return self.arguments.get("trainable") is not False

    def image_data_format(self) -> str:
        """Return the data format; raise if the file does not record it."""
        return self.origin.data_format_of(self.arguments)

    def data_format(self) -> str | None:
        """Return the data format; None for one spatial axis if the file does not record it."""
        return self.image_data_format() if self.get("data_format") or self.spatial_rank > 1 else None

    def options(self, *names: str) -> dict[str, Any]:
        """Return the dtype and those of these arguments that the file has, as Keras 3 takes them."""
        options: dict[str, Any] = {}
        for name in names:
            if name.endswith("activation"):
                if name in self.arguments:
                    options[name] = convert_activation(self.arguments[name])
            elif (value := self.get(name)) is not None:
                convert = _ARGUMENT_CONVERTERS.get(name.rpartition("_")[2])
                value = convert(value) if convert else value
                if value is not None:
                    options[name] = value
        dtype = convert_dtype(self.get("dtype"))
        return options if dtype is None else {**options, "dtype": dtype}

    def same_layer(self, *names: str, data_format: str | None = None) -> Layer:
        """Return the Keras 3 layer of the same class, without weights, with those of these arguments in the file."""
        return self.layer(Part(self.kind, self.options(*names), data_format))

    def layer(self, *parts: Part, **fields: Any) -> Layer:
        """Return the layer that consists of these parts; `fields` are other fields of `Layer`."""
        return Layer(self.name, self.type, parts, trainable=self.trainable, **fields)


LAYERS: Registry[Callable[[LayerConfig], Layer]] = Registry()
"""The converters by class in Keras 2."""

converts = LAYERS.converts


def with_bias(config: LayerConfig, *names: str) -> tuple[str, ...]:
    """Return the names of weights, followed by "bias" if the layer has one."""
    return (*names, "bias") if config.get("use_bias", True) else names


def check_softmax(options: Mapping[str, Any], data_format: str | None) -> None:
    """Raise if an activation normalises the last axis of images whose channels are first."""
    if data_format == CHANNELS_FIRST and options.get("activation") in ("softmax", "log_softmax"):
        raise UnsupportedLayer(f"has a {options['activation']} along the width of images, which is not supported")


def check_shape(array: Array, shape: tuple[int | None, ...]) -> None:
    """Raise ValueError unless the array has this shape."""
    if array.shape != shape:
        raise ValueError(f"expected an array of the shape {shape}")
