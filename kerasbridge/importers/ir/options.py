"""Typed options of a layer, with one set of checks for every format."""

import math
from collections.abc import Sequence

from kerasbridge.importers.ir.ops.base import Array, Pair, Sides
from kerasbridge.importers.ir.unsupported import Unsupported

MAX_SIZE = 4096
"""The largest size of kernels, strides, dilations and paddings: more rows or columns than any image has."""


class Options:
    """Options of one layer. A format overrides `numbers`, `text` and `array`, which read its files.

    All methods raise `Unsupported` for a value of another type or out of bounds; `default` is for an absent option.
    """

    float32 = True
    """True if numbers are stored in 32 bits; they are returned as the decimal that was written, as 0.1."""

    infinite = False
    """True to accept infinite numbers."""

    def numbers(self, name: str) -> Sequence[float]:
        """Return the numbers of an option, a scalar as one number; () if the file does not set it."""
        raise NotImplementedError

    def text(self, name: str, default: str = "") -> str:
        """Return an option that is a string."""
        raise NotImplementedError

    def array(self, name: str | int) -> Array | None:
        """Return weights by their name or position, as 32-bit floats; None if the file has none."""
        raise NotImplementedError

    def to_integer(self, value: float) -> int | None:
        """Return a number as an integer; None if it is not one."""
        return int(value) if math.isfinite(value) and value == int(value) else None

    def number(self, name: str, default: float | None = None) -> float:
        """Return an option that is one number."""
        values = self.numbers(name) or ([] if default is None else [default])
        if not values:
            raise Unsupported(f"has no number as its {name}", name)
        if len(values) > 1:
            raise Unsupported(f"has a {name} of {list(values[:4])}", name)
        value = values[0]
        if math.isnan(value) or (math.isinf(value) and not self.infinite):
            raise Unsupported(f"has a {name} of {value:g}", name)
        return decimal(value) if self.float32 else float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return an option that is true or false."""
        values = self.numbers(name)
        return any(values) if values else default

    def integers(
        self, name: str, default: int | None = None, minimum: int = 0, maximum: int = MAX_SIZE, label: str = ""
    ) -> list[int]:
        """Return an option that is one or more integers within bounds.

        Args:
            label: the name of the option in errors.
        """
        label = label or name
        values = self.numbers(name) or ([] if default is None else [default])
        if not values:
            raise Unsupported(f"has no number as its {label}", name)
        integers = [self.to_integer(value) for value in values]
        for value, integer in zip(values, integers, strict=True):
            if integer is None or not minimum <= integer <= maximum:
                raise Unsupported(f"has a {label} of {value:g}", name)
        return [integer for integer in integers if integer is not None]

    def integer(
        self, name: str, default: int | None = None, minimum: int = 1, maximum: int = MAX_SIZE, label: str = ""
    ) -> int:
        """Return an option that is one integer within bounds."""
        return self.exactly((1,), self.integers(name, default, minimum, maximum, label), label or name)[0]

    def pair(self, name: str, default: int | None = None, minimum: int = 1, label: str = "") -> Pair:
        """Return height and width: one number for both, or two."""
        values = self.exactly((1, 2), self.integers(name, default, minimum, label=label), label or name)
        return values[0], values[-1]

    def sides(self, name: str, default: int | None = 0, minimum: int = 0, label: str = "") -> Sides:
        """Return top, bottom, left and right: one number for all, two for height and width, or four."""
        values = self.exactly((1, 2, 4), self.integers(name, default, minimum, label=label), label or name)
        top, bottom, left, right = values if len(values) == 4 else (values[0], values[0], values[-1], values[-1])
        return top, bottom, left, right

    def exactly(self, lengths: Sequence[int], values: list[int], label: str) -> list[int]:
        """Return the values, or raise if their number is not one of the lengths."""
        if len(values) not in lengths:
            raise Unsupported(f"has {len(values)} numbers as {label}", label)
        return values

    def weight(self, name: str | int, shape: Sequence[int] | None = None, label: str = "") -> Array:
        """Return weights that the layer needs, in a shape."""
        array = self.optional_weight(name, shape, label)
        if array is None:
            raise Unsupported(f"has no {label or name} in the file", str(name))
        return array

    def optional_weight(self, name: str | int, shape: Sequence[int] | None = None, label: str = "") -> Array | None:
        """Return weights in a shape; None if the file has none."""
        array = self.array(name)
        if array is None or shape is None:
            return array
        if array.size != math.prod(shape):
            raise Unsupported(
                f"has a {label or name} of shape {array.shape}, where {tuple(shape)} is expected", str(name)
            )
        return array.reshape(tuple(shape))


def decimal(value: float) -> float:
    """Return a 32-bit number as the decimal that was written: 0.1, not 0.10000000149."""
    return float(f"{value:.7g}")
