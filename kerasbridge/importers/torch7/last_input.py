"""The last input that a Torch7 network stores."""

import math

from kerasbridge.importers.ir.ops.base import Shape
from kerasbridge.importers.torch7.infer_inputs import InputShape
from kerasbridge.importers.torch7.lua_objects import Tensor
from kerasbridge.importers.torch7.module import Module


def last_input(module: Module, shape: InputShape) -> Shape | None:
    """Return the shape of the last input that a network stores, if it is compatible with the inferred shape.

    A module's gradInput has the shape of its input; a single sample may have been passed without a batch.
    """
    tensor = module.get("gradInput")
    sizes = tensor.sizes if isinstance(tensor, Tensor) else ()
    if shape is None:
        return (None, *sizes[1:]) if len(sizes) > 1 else None
    if isinstance(shape, list):
        return None
    for sample in (sizes[1:], sizes, (1, *sizes[1:]), (1, *sizes)):
        if sample and min(sample) > 0 and _is_compatible((None, *sample), shape):
            return (None, *sample)
    return None


def _is_compatible(sample: Shape, shape: Shape) -> bool:
    if len(sample) == len(shape):
        return all(size in (None, stored) for size, stored in zip(shape, sample, strict=True))
    sizes = [size for size in shape[1:] if size is not None]
    is_known = len(sizes) == len(shape) - 1
    return is_known and len(sample) in (2, 4) and math.prod(sizes) == math.prod(size or 1 for size in sample[1:])
