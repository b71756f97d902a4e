"""Where a file comes from, and what that means for its layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.ir import CHANNELS_FIRST, CHANNELS_LAST

FLIP_KERNELS_HINT = (
    "the file does not say which backend wrote it, and Theano's convolutions turn their kernels in space. If the model "
    "was trained on Theano, type flip_kernels=True (--flip-kernels); if on TensorFlow or CNTK, flip_kernels=False "
    "(--no-flip-kernels). Trained on Theano and not said so, it would give wrong numbers without a word."
)
_ORDERS = {"th": CHANNELS_FIRST, "tf": CHANNELS_LAST, CHANNELS_FIRST: CHANNELS_FIRST, CHANNELS_LAST: CHANNELS_LAST}


UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
"""What Python says of a configuration that has something else where a number, a list or a name should be."""


class UnsupportedLayer(LegacyFileError):
    """Why a layer cannot be brought, to follow its name."""


@dataclass
class Origin:
    """What is known of a file beside its layers.

    Args:
        version: of Keras, as the file has it; "1" and "2" where it does not.
        backend: "theano", "tensorflow", "cntk", or "" where it is not said.
        flip_kernels: the word of the person who asks.
        order: the order of axes that all layers share which say one.
    """

    version: str
    backend: str = ""
    flip_kernels: bool | None = None
    data_format: str | None = None
    ambiguous_layers: list[str] = field(default_factory=list)

    @property
    def is_keras1(self) -> bool:
        """Return whether Keras 1 wrote it."""
        return self.version.startswith("1") or self.version.startswith("0")

    def flips_kernels(self, layer: str) -> bool:
        """Return whether kernels are to be turned; a layer for which that is not known is remembered."""
        if self.flip_kernels is not None:
            return self.flip_kernels
        return self.is_theano(layer)

    def is_theano(self, layer: str) -> bool:
        """Return whether Theano computed it; a layer for which that is not known is remembered."""
        if self.backend:
            return self.backend == "theano"
        if self.flip_kernels is None:
            self.ambiguous_layers.append(layer)
        return bool(self.flip_kernels)

    def data_format_of(self, config: Mapping[str, Any]) -> str:
        """The order of axes of a layer that takes images."""
        said = config.get("data_format") or config.get("dim_ordering") or self.data_format
        if said not in _ORDERS:
            raise UnsupportedLayer(f"expects images in an order that the file does not say (received {said!r})")
        return _ORDERS[said]


def shared_data_format(config: Any) -> str | None:
    """The order of axes that all layers of a configuration share which say one."""
    found = {_ORDERS[word] for word in _said(config) if word in _ORDERS}
    return found.pop() if len(found) == 1 else None


def _said(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        for name in ("dim_ordering", "data_format"):
            if isinstance(config.get(name), str) and "flatten" not in str(config.get("name")):
                yield config[name]
        for part in config.values():
            yield from _said(part)
    elif isinstance(config, list):
        for part in config:
            yield from _said(part)
