"""Comparisons and logical operations, on constants only."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbridge.importers.tensorflow.node_context import NodeContext
from kerasbridge.importers.tensorflow.ops.base import folds
from kerasbridge.importers.tensorflow.ops.fold import apply, fold_elementwise
from kerasbridge.importers.tensorflow.symbolic_values import Constant

_COMPARISONS: dict[str, Callable[..., Any]] = {
    "Equal": lambda a, b: a == b,
    "Greater": lambda a, b: a > b,
    "GreaterEqual": lambda a, b: a >= b,
    "Less": lambda a, b: a < b,
    "LessEqual": lambda a, b: a <= b,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "NotEqual": lambda a, b: a != b,
}


@folds(*_COMPARISONS)
def comparison(context: NodeContext) -> Constant:
    """Fold an operation that compares two arrays."""
    return np.asarray(apply(_COMPARISONS[context.op], context.constant(0), context.constant(1)), bool)


@folds("LogicalNot")
def logical_not(context: NodeContext) -> Constant:
    """Fold LogicalNot."""
    return fold_elementwise(context, np.logical_not)
