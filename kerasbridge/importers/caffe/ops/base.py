"""Helpers of the converters of Caffe layers, and the table in which they are registered."""

import math
from collections.abc import Callable
from typing import Any

from kerasbridge.importers.caffe.parser import Layer
from kerasbridge.importers.ir.ops.base import Array, Operation, Pair
from kerasbridge.importers.ir.ops.scale_shift import ScaleShift
from kerasbridge.importers.ir.options import check_sizes, decimal, to_pair
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.ir.unsupported import Unsupported, check

OPERATIONS: Registry[Callable[[Layer], list[Operation]]] = Registry()
"""The converters by type of layer; they return a chain of operations, empty for the identity."""

converts = OPERATIONS.converts


class MissingWeights(Exception):
    """The file has no weights for a layer that needs them."""


def blobs(layer: Layer, minimum: int, maximum: int) -> tuple[Array | None, ...]:
    """Return the weights of a layer, at least `minimum` arrays, with None for missing ones up to `maximum`."""
    if len(layer.blobs) < minimum:
        raise MissingWeights
    if len(layer.blobs) > maximum:
        raise Unsupported(f"has wrong weights: expected at most {maximum} blobs, received {len(layer.blobs)}")
    return (*layer.blobs, *(None,) * (maximum - len(layer.blobs)))


def with_bias(layer: Layer, bias_term: bool) -> tuple[Array, Array | None]:
    """Return the weights and, if `bias_term` is true, the bias of a layer, else None."""
    weight, bias = blobs(layer, 1 + bias_term, 2)
    assert weight is not None
    return weight, bias.ravel() if bias_term and bias is not None else None


def check_weights(condition: object, expected: str) -> None:
    """Raise `Unsupported` unless the weights are as expected."""
    check(condition, f"has wrong weights: {expected}")


def pair(options: Any, name: str, default: int, prefix: str = "", minimum: int = 1) -> Pair:
    """Return the height and width of an option: one number for both, two, or NAME_h and NAME_w.

    Args:
        prefix: the prefix of _h and _w, if it is not the name.
    """
    sides = [f"{prefix or name}_h", f"{prefix or name}_w"]
    value = getattr(options, name)
    if any(side in options.DESCRIPTOR.fields_by_name and options.HasField(side) for side in sides):
        values = [getattr(options, side) or default for side in sides]
    elif isinstance(value, int):
        values = [value if options.HasField(name) else default]
    else:
        values = list(value) or [default]
    return to_pair(check_sizes(values, name, minimum), name)


def log_of_base(base: float) -> float:
    """Return the logarithm of the base of an Exp or Log layer; -1 is e."""
    if base != -1 and base <= 0:
        raise Unsupported(f"has a base of {base:g}")
    return 1.0 if base == -1 else math.log(base)


def scale_shift(scale: float, offset: float) -> list[Operation]:
    """Return ``scale * x + offset`` as operations; [] for the identity."""
    return [] if (scale, offset) == (1, 0) else [ScaleShift(decimal(scale), decimal(offset))]
