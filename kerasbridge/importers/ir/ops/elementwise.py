"""Operations on each number by itself, or on numbers in the same place of several inputs; and normalisations."""

from dataclasses import dataclass
from typing import Literal

from kerasbridge.importers.ir.ops.base import Elementwise, Operation, Shape, expect, image, normalize_axis, same

Function = Literal[
    "absolute",
    "elu",
    "erf",
    "exponential",
    "gelu",
    "log_sigmoid",
    "logarithm",
    "relu",
    "selu",
    "sigmoid",
    "softplus",
    "softsign",
    "swish",
    "tanh",
    "tanh_shrink",
]


@dataclass(frozen=True)
class Activation(Elementwise):
    """A function of each number.

    Args:
        slope: of "relu" for negative numbers; the factor of ``exp(x) - 1`` for "elu".
    """

    function: Function
    slope: float = 0.0

    def nonnegative(self, *inputs: bool) -> bool:
        above = {"absolute", "exponential", "sigmoid", "softplus"}
        return self.function in above or (self.function == "relu" and self.slope == 0)


@dataclass(frozen=True)
class ScaleShift(Elementwise):
    """``scale * x + offset``."""

    label = "linear"

    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Power(Elementwise):
    """``x ** exponent``."""

    exponent: float


@dataclass(frozen=True)
class Clip(Elementwise):
    """Numbers below `low` become `low`, those above `high` become `high`."""

    low: float
    high: float

    def nonnegative(self, *inputs: bool) -> bool:
        return self.low >= 0


@dataclass(frozen=True)
class Threshold(Elementwise):
    """1 where a number is above `threshold`, else 0."""

    threshold: float

    def nonnegative(self, *inputs: bool) -> bool:
        return True


@dataclass(frozen=True)
class ReplaceValue(Elementwise):
    """Numbers above `threshold` stay, all others become `value`."""

    label = "replacement"

    threshold: float
    value: float

    def nonnegative(self, *inputs: bool) -> bool:
        return self.value >= 0 and (inputs[0] or self.threshold >= 0)


@dataclass(frozen=True)
class Dropout(Elementwise):
    """Nothing, but in training a share of `rate` becomes 0 and the rest grows by 1 / (1 - rate).

    Args:
        channels: whole channels of images become 0.
    """

    rate: float
    channels: bool = False

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class Softmax(Elementwise):
    """``exp(x) / sum(exp(x))`` along an axis, or the logarithm of that."""

    axis: int = 1
    logarithm: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        normalize_axis(self.axis, len(inputs[0]))
        return super().shapes(*inputs)

    def nonnegative(self, *inputs: bool) -> bool:
        return not self.logarithm


@dataclass(frozen=True)
class ElementwiseMerge(Operation):
    """A sum, product, maximum or minimum of inputs of one shape.

    Args:
        coefficients: of a sum, one for each input; () for ones.
        spread: an axis of one place in one input stands for all of another's.
    """

    label = "combination"

    kind: Literal["sum", "product", "maximum", "minimum"]
    coefficients: tuple[float, ...] = ()
    spread: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len({*map(len, inputs)}) == 1, "its inputs have to have one shape")
        if self.spread:
            inputs = tuple(tuple(_widest(sizes) for sizes in zip(*inputs, strict=True)) for _ in inputs)
        expect(not self.coefficients or len(self.coefficients) == len(inputs), "expected a coefficient for each input")
        for sizes in zip(*inputs, strict=True):
            expect(all(same(a, b) for a in sizes for b in sizes), "its inputs have to have one shape")
        known = (next((size for size in sizes if size is not None), None) for sizes in zip(*inputs, strict=True))
        return (tuple(known),)

    def nonnegative(self, *inputs: bool) -> bool:
        if self.kind == "maximum":
            return any(inputs)
        return all(inputs) and all(coefficient >= 0 for coefficient in self.coefficients)


def _widest(sizes: tuple[int | None, ...]) -> int | None:
    """The one size that sizes have of which some may be 1."""
    wide = [size for size in sizes if size != 1]
    known = {size for size in wide if size is not None}
    expect(len(known) < 2, "its inputs have to have one shape, or one place where they have not")
    return next(iter(known), None) if wide else 1


@dataclass(frozen=True)
class Broadcast(Operation):
    """The first input times, or plus, the second, whose axes are those of the first from `axis` on; 1 spans all."""

    kind: Literal["product", "sum"]
    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        first, second = inputs
        axis = normalize_axis(self.axis, len(first)) if second else 0
        expect(not second or axis == 0, "its second input has to begin with the batch")
        spanned = first[axis : axis + len(second)]
        fits = len(spanned) == len(second) and all(b == 1 or same(a, b) for a, b in zip(spanned, second, strict=True))
        expect(fits, "the second input has to have the sizes of the first, from one axis on")
        return (first,)

    def nonnegative(self, *inputs: bool) -> bool:
        return all(inputs)


@dataclass(frozen=True)
class LRN(Elementwise):
    """``x * (kappa + alpha * sum of squares in a window) ** -beta``.

    Args:
        size: of the window: from -floor((size - 1) / 2) to ceil((size - 1) / 2).
        alpha: a factor of the sum; formats that divide by the window's cells have done so.
        across: the window lies along the channels; else it is a square of the channel's image.
    """

    label = "localresponse"

    size: int
    kappa: float
    alpha: float
    beta: float
    across: bool = True

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        image(inputs[0])
        return super().shapes(*inputs)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]


@dataclass(frozen=True)
class MeanVarianceNormalization(Elementwise):
    """``(x - mean) / (sqrt(variance) + epsilon)`` of each sample's channel, or of each sample; without the variance if
    `divide` is False."""

    label = "standardization"

    across_channels: bool
    divide: bool = True
    epsilon: float = 1e-9

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        image(inputs[0])
        return super().shapes(*inputs)


@dataclass(frozen=True)
class L2Normalize(Elementwise):
    """``x / (sum(|x| ** power) + epsilon) ** (1 / power)``, of rows of numbers."""

    label = "unitlength"

    power: float = 2.0
    epsilon: float = 1e-10

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) == 2, "expected rows of numbers")
        return super().shapes(*inputs)

    def nonnegative(self, *inputs: bool) -> bool:
        return inputs[0]
