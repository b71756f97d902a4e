"""Signature of an exported file: flat lists of named arrays, however the model nests its inputs and outputs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

Shape = tuple[int | None, ...]


class DynamicAxes(StrEnum):
    """The sizes that a file leaves open: all that the model leaves open, that of the batch alone, or no size."""

    ALL = "all"
    BATCH = "batch"
    NONE = "none"


@dataclass(frozen=True)
class Spec:
    """Name, shape and dtype of one input array; None in the shape is a size that is not fixed."""

    name: str
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of an exported file.

    Args:
        inputs: the input arrays, in the order of `keras.tree.flatten`.
        structure: the nested structure that the model takes; each leaf is an index into `inputs`.
        outputs: the names of the outputs, in the order of `keras.tree.flatten`.
    """

    inputs: tuple[Spec, ...]
    structure: Any
    outputs: tuple[str, ...] = ()

    def pack(self, arrays: Sequence[Any]) -> Any:
        """Return the arrays in the nested structure that the model takes."""
        return _pack(self.structure, arrays)

    @property
    def batch_size(self) -> int | None:
        """The batch size that the model requires; None if it takes any."""
        return next((spec.shape[0] for spec in self.inputs if spec.shape[0] is not None), None)

    @property
    def has_dynamic_sizes(self) -> bool:
        """Return whether a size other than the batch size is not fixed."""
        return any(None in spec.shape[1:] for spec in self.inputs)

    def dynamic_axis_options(self, sizes_known: bool) -> list[DynamicAxes]:
        """Return the options for this model, the most dynamic first.

        Args:
            sizes_known: an example gives the sizes, so that they can be fixed.
        """
        options = [DynamicAxes.ALL] if self.has_dynamic_sizes else []
        if sizes_known or not self.has_dynamic_sizes:
            options += [DynamicAxes.BATCH] if self.batch_size else [DynamicAxes.BATCH, DynamicAxes.NONE]
        return options

    def with_dynamic_axes(self, dynamic: DynamicAxes, batch: Sequence[Any]) -> "Signature":
        """Return the signature with only these axes dynamic, and the other sizes those of a batch of arrays."""
        if dynamic is DynamicAxes.ALL:
            return self
        rows = self.batch_size if dynamic is DynamicAxes.BATCH or self.batch_size else 1
        inputs = (replace(spec, shape=(rows, *x.shape[1:])) for spec, x in zip(self.inputs, batch, strict=True))
        return replace(self, inputs=tuple(inputs))

    def as_dict(self) -> dict[str, Any]:
        """Return the signature as a dict that JSON can store."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Return the signature that `as_dict` was called on."""
        inputs = tuple(Spec(spec["name"], tuple(spec["shape"]), spec["dtype"]) for spec in plain["inputs"])
        return cls(inputs, plain["structure"], tuple(plain["outputs"]))


def _pack(structure: Any, arrays: Sequence[Any]) -> Any:
    if isinstance(structure, dict):
        return {key: _pack(value, arrays) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return [_pack(value, arrays) for value in structure]
    return arrays[structure]
