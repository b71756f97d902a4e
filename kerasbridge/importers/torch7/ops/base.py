"""The input of a module, and the tables in which the converters of Torch7 modules are registered."""

from collections.abc import Callable
from dataclasses import dataclass

from kerasbridge.importers.ir.ops.base import Operation, Shape, ShapeError
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.torch7.module import Module


class BatchDimension(ShapeError):
    """A dimension is that of the batch, if there is one."""


@dataclass(frozen=True)
class InputInfo:
    """The input of a module.

    Args:
        shape: with the batch, which is axis 0.
        batched: whether the network takes batches: then dimension 1 of nn is the batch, else the axis after it.
    """

    shape: Shape
    batched: bool

    @property
    def rank(self) -> int:
        """The number of dimensions as nn counts them."""
        return len(self.shape) - (not self.batched)

    def axis(self, dimension: int, without_batch: int | None = None, new: bool = False) -> int:
        """Return the axis of a dimension of nn, which counts from 1, or from the end if it is negative.

        Args:
            without_batch: the number of dimensions that it counts in, if a batch may precede them; None for all.
            new: the axis is about to be added.

        Raises:
            ShapeError: there is no such axis; `BatchDimension`: it is the batch.
        """
        rank = self.rank + new
        if dimension < 0:
            dimension += rank + 1
        elif without_batch is not None and rank == without_batch + 1:
            dimension += 1
        if not 1 <= dimension <= rank:
            raise ShapeError(f"there is no dimension {dimension} among {rank}")
        axis = dimension - self.batched
        if axis == 0:
            raise BatchDimension("its dimension 1 is the batch")
        return axis


Converter = Callable[[Module, InputInfo], list[Operation]]
InputRule = Callable[[Module], Shape | None]

OPERATIONS: Registry[Converter] = Registry()
"""The converters of modules that take one tensor, by type; they return a chain of operations."""

INPUT_RULES: Registry[InputRule] = Registry()
"""By type, the shape of the input as far as the fields of such a module define it; a free size is None."""

KEEPS_CHANNELS: set[str] = set()
"""Types whose input has the channels of their output: what the modules after them take, they take too."""


def converts(
    *kinds: str, takes: InputRule | None = None, keeps_channels: bool = False
) -> Callable[[Converter], Converter]:
    """Register the decorated function as the converter of these types of modules.

    Args:
        takes: the rule for their input, in `INPUT_RULES`.
        keeps_channels: whether the types belong to `KEEPS_CHANNELS`.
    """
    if takes is not None:
        INPUT_RULES.converts(*kinds)(takes)
    if keeps_channels:
        KEEPS_CHANNELS.update(kinds)
    return OPERATIONS.converts(*kinds)


def takes_images(module: Module) -> Shape:
    """Return the shape of images of any size."""
    return (None, None, None, None)


def takes_planes(module: Module) -> Shape:
    """Return the shape of images with `nInputPlane` channels."""
    return (None, module.channels("nInputPlane"), None, None)
