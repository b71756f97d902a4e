"""Layers that cannot be converted: collected while a file is read, and reported together in one error."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kerasbridge.errors import LegacyFileError


@dataclass(unsafe_hash=True)
class Unsupported(Exception):
    """A layer, or an option of a layer, that cannot be converted.

    Args:
        reason: a predicate that follows the name of the layer: "has stochastic pooling", "is unknown".
        option: the name of the option in the file; "" if the whole layer is meant.
        layer: the name of the layer; None until the caller that knows it adds it with `at`.
        kind: the type of the layer in the file.
    """

    reason: str
    option: str = ""
    layer: str | None = None
    kind: str = ""

    def at(self, layer: str, kind: str) -> "Unsupported":
        """Return a copy that names the layer."""
        return replace(self, layer=layer, kind=kind)

    def __str__(self) -> str:
        return self.reason if self.layer is None else f"{self.layer!r} ({self.kind}) {self.reason}"


def check(condition: object, reason: str, option: str = "") -> None:
    """Raise `Unsupported` unless the condition is true."""
    if not condition:
        raise Unsupported(reason, option)


def raise_unsupported(unsupported: Iterable[Unsupported]) -> None:
    """Raise one LegacyFileError that names all of them; do nothing for an empty collection."""
    reasons = dict.fromkeys(map(str, unsupported))
    if reasons:
        raise LegacyFileError(f"cannot be converted: {'; '.join(reasons)}.")
