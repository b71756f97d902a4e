"""Explain an error beyond its tolerance: likely causes, and what to type next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasbridge.parity import tolerances
from kerasbridge.parity.error_metrics import Row
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_trace import COMPILED

_MIN_FLOAT32_ERROR = 2.0**-34
"""A thousandth of float32 rounding: the error of a single float32 constant among larger terms."""


@dataclass(frozen=True)
class Finding:
    """The first row in which the error of a backend is beyond the tolerance.

    Attributes:
        kind, name, backend, error, tolerance: those of the row.
        explanation: the likely cause and, if known, what to type.
    """

    kind: str
    name: str
    backend: str
    error: float
    tolerance: float
    explanation: str

    def sentence(self) -> str:
        """Return the finding as text."""
        return (
            f"{self.backend}: {self.kind} {self.name} has an error of {self.error:.1e}, beyond the tolerance of "
            f"{self.tolerance:.1e}. {self.explanation}"
        )


def first_finding(rows: Sequence[Row], backend: str, job: Job) -> Finding | None:
    """Return the first row in which this backend is beyond the tolerance, explained; None if there is no such row."""
    index = next((index for index, row in enumerate(rows) if backend in row.beyond), None)
    if index is None:
        return None
    row = rows[index]
    return Finding(row.kind, row.name, backend, row.errors[backend], row.tolerance, explain(rows, index, backend, job))


def explain(rows: Sequence[Row], index: int, backend: str, job: Job) -> str:
    """Return a likely cause of the error of ``rows[index]`` on this backend."""
    row = rows[index]
    if len(row.errors) == 2 and len(row.beyond) == 2:
        return "The two backends differ, and neither can outvote the other: name a third with --backends."
    if not np.isfinite(row.errors[backend]):
        return "It has another shape on this backend, or contains numbers that are not finite."
    betas = backend == "tensorflow" and row.kind == "optimizer" and not job.correct_leaks
    if job.dtype == "float64" and (_looks_like_float32(row, backend) or betas):
        return _explain_float32(backend, job)
    if row.kind.startswith(COMPILED):
        return "The eager step is correct, the compiled one is not: compare with run_eagerly=True."
    if row.kind == "gradient by output":
        return _explain_backward(rows, index)
    return _explain_data(job) if row.kind == "input" else _BY_KIND[row.kind]


def _looks_like_float32(row: Row, backend: str) -> bool:
    max_error = tolerances.tolerance("float32", row.kind.removeprefix(COMPILED))
    return row.computed_in[backend] == "float32" or _MIN_FLOAT32_ERROR < row.errors[backend] <= max_error


def _explain_float32(backend: str, job: Job) -> str:
    if job.correct_leaks:
        return "Computed in float32 here: look for a float32 constant or a cast."
    if backend == "tensorflow":
        reason = "Keras first converts a Python number, such as Adam's betas, to a float32 tensor"
    else:
        reason = "Keras promotes float64 and float64 to float32"
    return f"Computed in float32 here: on {backend} {reason}. Add --correct-leaks."


_BY_KIND = {
    "weights": "The backends do not start from the same weights: an initializer uses its own random numbers.",
    "output": "Everything before it is correct: look at this layer's call.",
    "loss": "Every output is correct: look at the loss and at added losses.",
    "state": "Every output is correct: look at how the layer updates its state.",
    "gradient": "The outputs are correct: look at the gradient of the layer that owns this variable.",
    "optimizer": "For the same gradients it computes another update: look at the optimizer and its arguments.",
    "update": "Every gradient is correct: look at the optimizer and its arguments.",
    "slot": "For the same gradients it has another value: look at the optimizer and its arguments.",
}


def _explain_data(job: Job) -> str:
    if job.script:
        return "The backends did not receive the same data: does the script generate it without a seed?"
    if job.data.endswith(".npz"):
        return f"The backends did not read the same data: was {job.data} written meanwhile?"
    return "The backends did not draw the same data, which is a fault of kerasbridge: pass data of your own, --data."


def _explain_backward(rows: Sequence[Row], index: int) -> str:
    """Name the layers between the last correct gradient and the first wrong one: their backward pass is wrong."""
    correct = [row.name for row in rows[:index] if row.kind == "gradient by output"]
    outputs = [row.name for row in rows if row.kind == "output"]
    start = outputs.index(rows[index].name) + 1 if rows[index].name in outputs else 0
    stop = outputs.index(correct[-1]) + 1 if correct and correct[-1] in outputs else len(outputs)
    suspects = ", ".join(outputs[start:stop]) or "the loss"
    return f"The outputs are correct, and so are the later gradients: look at the gradient of {suspects}."
