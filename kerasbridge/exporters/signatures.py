"""What an exported file takes and gives: flat lists of arrays, each with a name, whatever nest the model has."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

Shape = tuple[int | None, ...]


class DynamicAxes(StrEnum):
    """Which sizes a file leaves open: all that the model does, that of the batch alone, or none."""

    ALL = "all"
    BATCH = "batch"
    NONE = "none"


@dataclass(frozen=True)
class Spec:
    """One array that goes in: its name, its shape with None for what is open, its dtype."""

    name: str
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Signature:
    """What goes in and comes out.

    Args:
        inputs: the arrays that go in, in the order of `keras.tree.flatten`.
        nest: the nest that the model takes them in, with the place of each in `inputs` as its leaves.
        outputs: the names of what comes out, in the same order.
    """

    inputs: tuple[Spec, ...]
    nest: Any
    outputs: tuple[str, ...] = ()

    def packed(self, arrays: Sequence[Any]) -> Any:
        """The arrays in the model's nest."""
        return _packed(self.nest, arrays)

    @property
    def rows(self) -> int | None:
        """How many rows a batch has to have; None where it may have any number."""
        return next((spec.shape[0] for spec in self.inputs if spec.shape[0] is not None), None)

    @property
    def open_sizes(self) -> bool:
        """Return whether a size other than the batch's is open."""
        return any(None in spec.shape[1:] for spec in self.inputs)

    def freedoms(self, sizes_known: bool) -> list[DynamicAxes]:
        """What a file may leave open, the most first. Sizes are fixed where it is known which ones."""
        found = [DynamicAxes.ALL] if self.open_sizes else []
        if sizes_known or not self.open_sizes:
            found += [DynamicAxes.BATCH] if self.rows else [DynamicAxes.BATCH, DynamicAxes.NONE]
        return found

    def fixed(self, freedom: DynamicAxes, batch: Sequence[Any]) -> "Signature":
        """The same with only those sizes open that are to be, the others as in a batch of arrays."""
        if freedom is DynamicAxes.ALL:
            return self
        rows = self.rows if freedom is DynamicAxes.BATCH or self.rows else 1
        inputs = (replace(spec, shape=(rows, *x.shape[1:])) for spec, x in zip(self.inputs, batch, strict=True))
        return replace(self, inputs=tuple(inputs))

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """What `as_dict` made."""
        inputs = tuple(Spec(spec["name"], tuple(spec["shape"]), spec["dtype"]) for spec in plain["inputs"])
        return cls(inputs, plain["nest"], tuple(plain["outputs"]))


def _packed(nest: Any, arrays: Sequence[Any]) -> Any:
    if isinstance(nest, dict):
        return {key: _packed(value, arrays) for key, value in nest.items()}
    if isinstance(nest, list | tuple):
        return [_packed(value, arrays) for value in nest]
    return arrays[nest]
