"""The Keras version and backend that wrote a file, and their consequences for layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, CHANNELS_LAST

UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What Python raises for a configuration with another type of value than expected."""

_FLIP_KERNELS_HINT = (
    "the file does not record which backend wrote it, and Theano flips the kernels of convolutions. If the model "
    "was trained on Theano, type flip_kernels=True (--flip-kernels); if on TensorFlow or CNTK, flip_kernels=False "
    "(--no-flip-kernels). A wrong value gives wrong numbers without an error."
)
_DATA_FORMATS = {
    "th": CHANNELS_FIRST,
    "tf": CHANNELS_LAST,
    CHANNELS_FIRST: CHANNELS_FIRST,
    CHANNELS_LAST: CHANNELS_LAST,
}


class UnsupportedLayer(LegacyFileError):
    """A layer cannot be converted; the message is a predicate that follows its name."""


@dataclass
class Origin:
    """The provenance of a file.

    Args:
        version: the version of Keras; "1" or "2" if the file does not record it.
        backend: "theano", "tensorflow" or "cntk"; "" if the file does not record it.
        flip_kernels: whether to flip kernels along their spatial axes, as the user passed it.
        data_format: the only data format in the configuration; None if there are several, or none.
        ambiguous_layers: the layers that depend on the backend, if it is unknown.
    """

    version: str
    backend: str = ""
    flip_kernels: bool | None = None
    data_format: str | None = None
    ambiguous_layers: list[str] = field(default_factory=list)

    @property
    def is_keras1(self) -> bool:
        """Return whether Keras 1 or 0 wrote the file."""
        return self.version.startswith(("0", "1"))

    def flips_kernels(self, layer: str) -> bool:
        """Return whether to flip the kernels of a layer; note the layer if that is unknown."""
        return self.ran_on_theano(layer) if self.flip_kernels is None else self.flip_kernels

    def ran_on_theano(self, layer: str) -> bool:
        """Return whether the model ran on Theano; note the layer, which depends on that, if it is unknown."""
        if self.backend:
            return self.backend == "theano"
        if self.flip_kernels is None:
            self.ambiguous_layers.append(layer)
        return bool(self.flip_kernels)

    def check_unambiguous(self) -> None:
        """Raise LegacyFileError if layers depend on the backend, and it is unknown."""
        if self.ambiguous_layers:
            names = ", ".join(map(repr, dict.fromkeys(self.ambiguous_layers)))
            raise LegacyFileError(f"{names}: {_FLIP_KERNELS_HINT}")

    def data_format_of(self, config: Mapping[str, Any]) -> str:
        """Return the data format of a layer that takes images."""
        data_format = config.get("data_format") or config.get("dim_ordering") or self.data_format
        if data_format not in _DATA_FORMATS:
            raise UnsupportedLayer(f"takes images in an unknown data format: the file has {data_format!r}")
        return _DATA_FORMATS[data_format]


def shared_data_format(config: Any) -> str | None:
    """Return the data format of the layers in a configuration; None if they have several, or none."""
    formats = {_DATA_FORMATS[value] for value in _data_formats(config) if value in _DATA_FORMATS}
    return formats.pop() if len(formats) == 1 else None


def _data_formats(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        for name in ("dim_ordering", "data_format"):
            if isinstance(config.get(name), str) and "flatten" not in str(config.get("name")):
                yield config[name]
        for value in config.values():
            yield from _data_formats(value)
    elif isinstance(config, list):
        for value in config:
            yield from _data_formats(value)
