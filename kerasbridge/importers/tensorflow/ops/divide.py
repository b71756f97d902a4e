"""Div and RealDiv; on constants only, FloorDiv and FloorMod."""

from typing import Any

import numpy as np

from kerasbridge.importers.ir.ops.power import Power
from kerasbridge.importers.ir.unsupported import Unsupported
from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.affine import affine
from kerasbridge.importers.tensorflow.ops.base import converts, folds
from kerasbridge.importers.tensorflow.ops.fold import fold_elementwise
from kerasbridge.importers.tensorflow.ops.merge import merge
from kerasbridge.importers.tensorflow.symbolic_values import Constant, Tensor


@converts("RealDiv", "Div", rowwise=True)
def divide(context: NodeContext) -> Tensor:
    """Convert RealDiv and Div: a factor, or the product with the inverse."""
    if isinstance(context.inputs[1], np.ndarray):
        divisor = context.constant(1)
        if divisor.dtype == object or not np.all(divisor):
            raise Unsupported("has a division by 0, or by a size of images")
        return affine(context, context.tensor(0), 1 / divisor.astype(np.float64), None)
    inverse = context.emit(Power(-1.0), context.tensor(1), part="inverse")
    if isinstance(context.inputs[0], np.ndarray):
        return affine(context, inverse, context.constant(0), None)
    return merge(context, "product", [context.tensor(0), inverse])


@folds("RealDiv")
def fold_divide(context: NodeContext) -> Constant:
    """Fold RealDiv."""
    return fold_elementwise(context, lambda a, b: a / b)


@folds("Div")
def fold_typed_divide(context: NodeContext) -> Constant:
    """Fold Div, which rounds down unless the numbers are floats."""
    return fold_elementwise(context, lambda a, b: a / b if a.dtype.kind == "f" else _floor_divide(a, b))


@folds("FloorDiv")
def fold_floor_divide(context: NodeContext) -> Constant:
    """Fold FloorDiv."""
    return fold_elementwise(context, _floor_divide)


@folds("FloorMod")
def fold_floor_modulo(context: NodeContext) -> Constant:
    """Fold FloorMod."""
    return fold_elementwise(context, lambda a, b: a % b)


def _floor_divide(first: Constant, second: Constant) -> Any:
    if first.dtype != object and second.dtype != object and not np.all(second):
        raise Unsupported("has a division by 0")
    return first // second
