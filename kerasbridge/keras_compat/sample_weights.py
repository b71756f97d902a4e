"""Sample weights of losses: one sentence where their shape does not fit, instead of a framework's error."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from kerasbridge.errors import DataError
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.runtime.context import context_value

Tensor = Any
Shape = Sequence[int | None]

_per_sample: ContextVar[bool] = ContextVar("per_sample", default=False)
"""Whether the loss that the model was compiled with is computed, so that the first axis of a weight is the sample."""


@contextlib.contextmanager
def check_weight_shapes() -> Iterator[None]:
    """Make the losses of Keras check the shape of sample weights, in this thread."""
    with (
        patched(private_api("compiled losses"), "__call__", _compiled_loss),
        patched(private_api("losses"), "reduce_weighted_values", _reduce_weighted_values),
    ):
        yield


def _compiled_loss(original: Any, *arguments: Any, **options: Any) -> Tensor:
    with context_value(_per_sample, True):
        return original(*arguments, **options)


def _reduce_weighted_values(
    original: Any, values: Tensor, sample_weight: Any = None, mask: Any = None, **options: Any
) -> Tensor:
    _check(values, sample_weight, "the loss has the shape")
    _check(mask, sample_weight, "the mask of the model has the shape")
    return original(values, sample_weight=sample_weight, mask=mask, **options)


def _check(values: Any, sample_weight: Any, what: str) -> None:
    """Raise DataError unless a sample weight fits these values."""
    shape, weight_shape = getattr(values, "shape", None), getattr(sample_weight, "shape", None)
    if shape is None or weight_shape is None or _fits(tuple(shape), tuple(weight_shape)):
        return
    positions = ", ".join(map(str, shape[1:]))
    advice = f"pass an array of the shape (samples, {positions})"
    if len(weight_shape) == 1:
        indices = ", ".join([":", *["None"] * len(shape[1:])])
        advice += f", such as np.broadcast_to(sample_weight[{indices}], (len(sample_weight), {positions}))"
    raise DataError(
        f"Expected a sample_weight that fits the loss, received the shape {tuple(weight_shape)} where {what} "
        f"{tuple(shape)}: {advice}."
    )


def _fits(values: Shape, weight: Shape) -> bool:
    """Return whether Keras can multiply values with a weight, without taking samples for positions."""
    if len(values) == len(weight) + 1 and values[-1] == 1:
        values = values[:-1]
    elif len(weight) == len(values) + 1 and weight[-1] == 1:
        weight = weight[:-1]
    if _per_sample.get() and len(weight) == 1 < len(values) and weight[0] != 1:
        return False
    pairs = zip(reversed(values), reversed(weight), strict=False)
    return all(None in pair or 1 in pair or pair[0] == pair[1] for pair in pairs)
