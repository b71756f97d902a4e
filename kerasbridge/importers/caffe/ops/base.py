"""Helpers of the converters of Caffe layers, and the table in which they are registered."""

import math
from collections.abc import Callable
from typing import Any

from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Array, Operation
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.ir.unsupported import Unsupported, check

OPERATIONS: Registry[Callable[[Layer], list[Operation]]] = Registry()
"""By the type of a layer the function that converts it to operations, one after the other; none to pass a blob on."""

converts = OPERATIONS.converts


class MissingWeights(Exception):
    """A layer needs weights, and the file has none for it."""


def number(value: float) -> float:
    """A float of 32 bits as the decimal that was written: 0.1, not 0.10000000149."""
    return float(f"{value:.7g}")


def blobs(layer: Layer, least: int, most: int) -> tuple[Array | None, ...]:
    """Its weights, None for those of `most` that it has not."""
    if len(layer.blobs) < least:
        raise MissingWeights
    if len(layer.blobs) > most:
        raise Unsupported(f"has wrong weights: expected at most {most} blobs of weights, received {len(layer.blobs)}")
    return (*layer.blobs, *(None,) * (most - len(layer.blobs)))


def with_bias(layer: Layer, bias_term: bool) -> tuple[Array, Array | None]:
    """The weights and the bias of a layer that says whether it has a bias."""
    weight, bias = blobs(layer, 1 + bias_term, 2)
    assert weight is not None
    return weight, bias.ravel() if bias_term and bias is not None else None


def check_weights(condition: object, expected: str) -> None:
    """Raise `Unsupported` unless the weights are as expected."""
    check(condition, f"has wrong weights: {expected}")


def pair(options: Any, name: str, default: int, short: str = "") -> tuple[int, int]:
    """Height and width of an option: one number for both, two, or NAME_h and NAME_w.

    Args:
        short: what precedes _h and _w, if not the name.
    """
    prefix = short or name
    sides = [f"{prefix}_h", f"{prefix}_w"]
    if any(side in options.DESCRIPTOR.fields_by_name and options.HasField(side) for side in sides):
        return getattr(options, sides[0]) or default, getattr(options, sides[1]) or default
    value = getattr(options, name)
    values = [value] if isinstance(value, int) else list(value)
    if len(values) > 2:
        raise Unsupported(f"has {len(values)} dimensions of {name}")
    if not values or (isinstance(value, int) and not options.HasField(name)):
        return default, default
    return values[0], values[-1]


LARGEST = 4096
"""Of kernels, strides, dilations and paddings: more than any image has rows or columns."""


def within(values: tuple[int, int], name: str, least: int = 1) -> tuple[int, int]:
    """The values, which have to be between `least` and `LARGEST`."""
    for value in values:
        if not least <= value <= LARGEST:
            raise Unsupported(f"has a {name} of {value}")
    return values


def log_of_base(base: float) -> float:
    """Return the logarithm of the base of an Exp or Log layer; -1 is e."""
    if base != -1 and base <= 0:
        raise Unsupported(f"has a base of {base:g}")
    return 1.0 if base == -1 else math.log(base)


def scale_shift(scale: float, offset: float) -> list[Operation]:
    """Return ``scale * x + offset`` as operations, none for the identity."""
    return [] if (scale, offset) == (1, 0) else [ScaleShift(number(scale), number(offset))]
