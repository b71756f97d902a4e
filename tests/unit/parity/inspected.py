"""Handmade step traces of two layers and three variables, on any number of backends."""

import numpy as np

from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_trace import DOWN, FLOAT64_NUDGE, PLAIN, UP, StepTrace

UNIT32, UNIT64 = 2.0**-23, 2.0**-52
KEY_BIAS = ("gradient", "attention/key/bias")
STEP = {
    ("input", "x"): [1.0, 0.5],
    ("weights", "first/kernel"): [0.1, -0.2],
    ("output", "first"): [0.3, 0.7],
    ("output", "second"): [0.2, 0.8],
    ("loss", "loss"): 1.5,
    ("gradient by output", "second"): [0.01, -0.02],
    ("gradient", "second/kernel"): [0.3, 0.1],
    ("gradient by output", "first"): [0.02, 0.03],
    ("gradient", "first/kernel"): [0.2, 0.4],
    KEY_BIAS: [2e-18, -1e-18],
    ("optimizer", "adam"): [1e-3, 1e-3],
    ("slot", "adam/momentum"): [0.02, 0.04],
    ("update", "first/kernel"): [-1e-3, -1e-3],
    ("compiled loss", "loss"): 1.5,
    ("compiled update", "first/kernel"): [-1e-3, -1e-3],
}


def step(backend="jax", dtype="float32", correct_leaks=False, notes=(), **changed):
    """Return a trace without nudged runs; `changed` maps "kind: name" to other numbers."""
    job = Job(dtype=dtype, correct_leaks=correct_leaks)
    runs = {PLAIN: run(dtype, changed)}
    if correct_leaks:
        runs.update({UP: run(dtype, changed), DOWN: run(dtype, changed), FLOAT64_NUDGE: run(dtype, changed)})
        # The key bias is noise of terms about as large as the other gradients.
        runs[FLOAT64_NUDGE][KEY_BIAS] = runs[FLOAT64_NUDGE][KEY_BIAS] - 0.3 * UNIT64
    return StepTrace(job, backend, "looped", tuple(notes), runs)


def reference(backend="jax", **changed):
    """Return the same in float64 with leaks corrected, and its nudged runs."""
    return step(backend, "float64", True, **changed)


def run(dtype, changed):
    """Return the arrays of one run."""
    values = {**STEP, **{tuple(key.split(": ")): value for key, value in changed.items()}}
    return {key: np.array(value, dtype) for key, value in values.items()}
