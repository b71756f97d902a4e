"""What a table of layers is given and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.keras_files import arguments
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, Layer, Part
from kerasbridge.importers.keras_files.provenance import Origin, UnsupportedLayer

_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "initializer": arguments.initializer,
    "regularizer": arguments.regularizer,
    "constraint": arguments.constraint,
}


@dataclass(frozen=True)
class Said:
    """What a file says of a layer, in the words of Keras 2.

    Args:
        name, type: as in the file.
        kind: its class as Keras 2 calls it.
        config: its configuration.
        origin: where the file comes from.
    """

    name: str
    type: str
    kind: str
    config: Mapping[str, Any]
    origin: Origin

    def get(self, name: str, default: Any = None) -> Any:
        """What it says, `default` where it says nothing or null."""
        value = self.config.get(name)
        return default if value is None else value

    def numbers(self, name: str, count: int, default: int = 1) -> tuple[int, ...]:
        """A number for each of `count` axes, whether the file gives one for all or one for each."""
        value = self.get(name, default)
        found = tuple(value) if isinstance(value, list | tuple) else (value,) * count
        if len(found) != count or not all(isinstance(number, int) for number in found):
            raise ValueError(f"{name} is {value!r}")
        return found

    def data_format(self, axes: int) -> str | None:
        """The order of the images that it takes, with `axes` of space; None where it is not said for a single one."""
        return self.origin.data_format_of(self.config) if self.config.get("data_format") or axes > 1 else None

    def options(self, *names: str) -> dict[str, Any]:
        """Those arguments that it says, as Keras 3 takes them; and the policy of its numbers."""
        found: dict[str, Any] = {}
        for name in names:
            if name.endswith("activation"):
                if name in self.config:
                    found[name] = arguments.activation(self.config[name])
            elif (value := self.config.get(name)) is not None:
                value = _CONVERSIONS.get(name.rpartition("_")[2], _as_it_is)(value)
                if value is not None:
                    found[name] = value
        policy = arguments.dtype(self.config.get("dtype"))
        return found if policy is None else {**found, "dtype": policy}

    def layer(self, *parts: Part, **more: Any) -> Layer:
        """The layer of which these are the parts."""
        trainable = self.config.get("trainable") is not False
        return Layer(self.name, self.type, parts, trainable=trainable, **more)


def _as_it_is(value: Any) -> Any:
    return value


Table = Mapping[str, Callable[[Said], Layer]]

WEIGHTED = (
    "activation", "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
    "activity_regularizer", "kernel_constraint", "bias_constraint",
)  # fmt: skip
"""Arguments that layers with a kernel share."""


def with_bias(said: Said, *names: str) -> tuple[str, ...]:
    """The names of its arrays, "bias" among them where it has one."""
    return (*names, "bias") if said.get("use_bias", True) else names


def check_softmax(options: Mapping[str, Any], order: str | None) -> None:
    """Refuse an activation that is taken along the last axis, where images have their channels first."""
    if order == CHANNELS_FIRST and options.get("activation") in ("softmax", "log_softmax"):
        raise UnsupportedLayer(f"has a {options['activation']} along the width of images, which is not brought")


def expect(array: Array, shape: tuple[int | None, ...]) -> None:
    """Raise ValueError where an array is of another shape."""
    if array.shape != shape:
        raise ValueError(f"an array of {shape} is expected")
