"""Metrics that compare predictions with thresholds or with each other: NaN for a prediction that is NaN.

Frameworks differ in where they sort a NaN, so that stock Keras computes other numbers on each backend. Keras sums up
losses and errors, which are NaN everywhere.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.keras_compat.tensors import masks_of

Tensor = Any
_NAMES = (
    "AUC",
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
)


@contextlib.contextmanager
def nan_for_nan() -> Iterator[None]:
    """Make these metrics NaN once a prediction that counts is NaN, in this thread."""
    with contextlib.ExitStack() as stack:
        for name in _NAMES:
            stack.enter_context(patched(getattr(keras.metrics, name), "update_state", _update_state))
        base = private_api("metrics at a threshold")
        stack.enter_context(patched(base, "_find_max_under_constraint", _find_max_under_constraint))
        yield


def _update_state(original: Any, metric: Any, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Any:
    result = original(metric, y_true, y_pred, sample_weight)
    nan = keras.ops.where(_counted_nan(y_pred, [sample_weight, *masks_of([y_pred])]), float("nan"), 0.0)
    for variable in metric.variables:
        variable.assign_add(keras.ops.cast(nan, variable.dtype))
    return result


def _find_max_under_constraint(
    original: Any, metric: Any, constrained: Tensor, dependent: Tensor, *rest: Any
) -> Tensor:
    return original(metric, constrained, dependent, *rest) + 0 * keras.ops.sum(constrained) * keras.ops.sum(dependent)


def _counted_nan(y_pred: Tensor, weights: list[Any]) -> Tensor:
    """Return whether a prediction is NaN in a row whose weights are not 0."""
    nan = keras.ops.isnan(keras.ops.cast(y_pred, "float32"))
    for weight in weights:
        if weight is not None:
            counts = keras.ops.cast(weight, "bool")
            while len(counts.shape) > len(nan.shape):
                counts = keras.ops.squeeze(counts, -1)
            while len(counts.shape) < len(nan.shape):
                counts = keras.ops.expand_dims(counts, -1)
            nan = keras.ops.logical_and(nan, counts)
    return keras.ops.any(nan)
