"""Helpers of the converters of MatConvNet layers, and the table in which they are registered."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from kerasbridge.importers.ir.builder import WithLayerInput
from kerasbridge.importers.ir.ops.base import Array, Operation, Pair, Shape, Sides
from kerasbridge.importers.ir.ops.transpose import Transpose
from kerasbridge.importers.ir.options import check_sizes, decimal, to_pair, to_sides
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.ir.unsupported import Unsupported, check
from kerasbridge.importers.matconvnet.parser import Layer
from kerasbridge.importers.matconvnet.values import MatlabObject, Value, numbers

Steps = list[Operation | WithLayerInput]
"""A chain of operations."""

OPERATIONS: Registry[Callable[[Layer, Sequence[Shape]], Steps]] = Registry()
"""The converters by type of layer; they take the layer and the shapes of its inputs."""

converts = OPERATIONS.converts


def array(value: Value) -> Array | None:
    """Return weights as 32-bit floats; None for an empty or missing array."""
    if isinstance(value, MatlabObject):
        command = " In MATLAB: net = vl_simplenn_move(net, 'cpu'), or net.move('cpu'), and save it again."
        raise Unsupported(f"has weights of class {value.kind}." + (command if "gpu" in value.kind.lower() else ""))
    if not isinstance(value, np.ndarray) or not value.size:
        return None
    check(value.dtype.kind in "biuf" and value.ndim <= 4, f"has weights of shape {value.shape}")
    with np.errstate(over="ignore"):
        return value.astype(np.float32)


def required_weight(layer: Layer, number: int, name: str) -> Array:
    """Return the weights at a position; raise if the layer does not have them."""
    weight = array(layer.weights[number]) if number < len(layer.weights) else None
    if weight is None:
        raise Unsupported(f"has no {name} in the file")
    return weight


def to_4d(weight: Array) -> Array:
    """Return weights with all four axes; MATLAB omits trailing axes of size 1."""
    return weight.reshape(weight.shape + (1,) * (4 - weight.ndim))


def str_option(layer: Layer, name: str, default: str) -> str:
    """Return an option that is a string."""
    value = layer.options.get(name, default)
    return value if isinstance(value, str) else ""


def integers(layer: Layer, name: str, default: int, minimum: int = 0) -> list[int]:
    """Return an option that is one or more integers; fractions are truncated, as in C."""
    return check_sizes(numbers(layer.options.get(name)).tolist() or [default], name, minimum)


def pair(layer: Layer, name: str, default: int) -> Pair:
    """Return the height and width of an option: one number for both, or two."""
    return to_pair(integers(layer, name, default, minimum=1), name)


def sides(layer: Layer, name: str) -> Sides:
    """Return the top, bottom, left and right of an option: one number for all, two for height and width, or four."""
    return to_sides(integers(layer, name, 0), name)


def number(layer: Layer, name: str, default: float) -> float:
    """Return an option that is one number."""
    values = numbers(layer.options.get(name)).tolist() or [default]
    check(len(values) == 1 and math.isfinite(values[0]), f"has a {name} of {values[:4]}")
    return decimal(values[0])


MATLAB_AXES = (2, 3, 1, 0)
"""The positions of the MATLAB axes, height, width, channels and images, in the order N, C, H, W."""

TO_MATLAB = Transpose((0, 1, 3, 2))
"""The transposition before flattening: in MATLAB, which is column-major, flattened images are in the order C, W, H."""


def flat_weight(weight: Array, size: int, name: str) -> Array:
    """Return weights flattened; raise if their number is not `size`."""
    check(weight.size == size, f"has {weight.size} {name}, where {size} are expected")
    return weight.ravel(order="F")


def parameters(layer: Layer, default: list[float]) -> list[float]:
    """Return the four numbers of the option `param`."""
    values = numbers(layer.options.get("param")).tolist() or default
    check(len(values) == 4 and all(map(math.isfinite, values)), f"has the parameters {values[:8]}")
    return values
