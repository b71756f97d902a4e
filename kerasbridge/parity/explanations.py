"""What a row beyond its tolerance may come from, in one sentence: the causes that are known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasbridge.parity import tolerances
from kerasbridge.parity.error_metrics import Row
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_trace import COMPILED

_LEAST_OF_FLOAT32 = 2.0**-34
"""A thousandth of float32's rounding: one rounded constant among larger terms."""


@dataclass(frozen=True)
class Finding:
    """The first row in which a backend is further off than it may be.

    Attributes:
        kind, name, backend, error, tolerance: of the row.
        explanation: what may be the matter, and what to type where that is known.
    """

    kind: str
    name: str
    backend: str
    error: float
    tolerance: float
    explanation: str


def finding(rows: Sequence[Row], backend: str, job: Job) -> Finding | None:
    """The first row in which this backend is beyond, explained; None without one."""
    place = next((place for place, row in enumerate(rows) if backend in row.beyond), None)
    if place is None:
        return None
    row = rows[place]
    error, words = row.errors[backend], explanation(rows, place, backend, job)
    return Finding(row.kind, row.name, backend, error, row.tolerance, words)


def explanation(rows: Sequence[Row], place: int, backend: str, job: Job) -> str:
    """What may be the matter with ``rows[place]`` on this backend."""
    row = rows[place]
    if len(row.errors) == 2 and len(row.beyond) == 2:
        return "The two backends differ and none can outvote the other: name a third with --backends."
    if not np.isfinite(row.errors[backend]):
        return "Its shape is another here, or numbers in it are not finite."
    betas = backend == "tensorflow" and row.kind == "optimizer" and not job.correct_leaks
    if job.dtype == "float64" and (_like_float32(row, backend) or betas):
        return _narrow(row, backend, job)
    return _by_kind(rows, place)


def _like_float32(row: Row, backend: str) -> bool:
    most = tolerances.tolerance("float32", row.kind.removeprefix(COMPILED))
    return row.computed_in[backend] == "float32" or _LEAST_OF_FLOAT32 < row.errors[backend] <= most


def _narrow(row: Row, backend: str, job: Job) -> str:
    if job.correct_leaks:
        return "Computed in float32 here: look for a float32 constant or a cast."
    if backend == "tensorflow":
        why = "Keras makes a Python number, as Adam's betas are, a float32 tensor first"
    else:
        why = "Keras promotes float64 and float64 to float32"
    return f"Computed in float32 here: on {backend} {why}. Add --correct-leaks."


def _by_kind(rows: Sequence[Row], place: int) -> str:
    row = rows[place]
    kind = row.kind.removeprefix(COMPILED)
    if kind != row.kind:
        return "The eager step is right, the compiled one is not: compare run_eagerly=True."
    if kind in ("gradient", "gradient by output"):
        return _backward(rows, place)
    return _BY_KIND[kind]


_BY_KIND = {
    "input": "The backends were not given the same data: does the script draw it without a seed?",
    "weights": "The backends do not start from the same weights: an initializer draws numbers of its own.",
    "output": "All before it is right: look at this layer's call.",
    "loss": "Every output is right: look at the loss and at added losses.",
    "state": "Every output is right: look at how the layer updates its state.",
    "optimizer": "Given the same gradients it goes elsewhere: look at the optimizer and its arguments.",
    "update": "Every gradient is right: look at the optimizer and its arguments.",
    "slot": "Given the same gradients it is another: look at the optimizer and its arguments.",
}


def _backward(rows: Sequence[Row], place: int) -> str:
    """A layer's backward pass is wrong where the gradient is right behind it and wrong before it."""
    row = rows[place]
    behind = [other.name for other in rows[:place] if other.kind == "gradient by output"]
    outputs = [other.name for other in rows if other.kind == "output"]
    if row.kind == "gradient":
        return "The outputs are right: look at the gradient of the layer that holds this variable."
    after = outputs.index(row.name) + 1 if row.name in outputs else 0
    until = outputs.index(behind[-1]) + 1 if behind and behind[-1] in outputs else len(outputs)
    suspects = ", ".join(outputs[after:until]) or "the loss"
    return f"The outputs are right, and so are the gradients behind it: look at the gradient of {suspects}."
