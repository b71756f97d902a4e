"""The table of tolerances of a diagnosis, by kind of row, each with its reason.

A tolerance is a number of units of the dtype; errors are relative to the largest term of a row (`error_metrics.py`).
"""

from typing import NamedTuple

import numpy as np

UNITS, UPDATE_UNITS = 256, 512
NUDGE = 64
"""Units of float32 by which the reference is nudged up and down: twice the error of batch normalisation on MNIST."""


class Tolerance(NamedTuple):
    """A number of units of the dtype, and the reason for it."""

    units: int
    reason: str


_COPIED = "copied, not computed: equal bit for bit"
_SUMMED = (
    "sums of n terms in different orders differ by about sqrt(n) units, and so does the estimate of the largest term: "
    "at most 5 units were measured. But TensorFlow sums sequentially for the mean of batch normalisation: 28 units for "
    "20,000 numbers, and up to 160 were measured"
)
_MOMENTS = "a moment takes a few elementwise operations, on gradients that are the same everywhere"
_CORRECTED = "Adam divides by 1 - 0.999, and the rounding of 0.999 is 500 units of that"

TABLE = {
    "input": Tolerance(0, _COPIED),
    "weights": Tolerance(0, _COPIED),
    "output": Tolerance(UNITS, _SUMMED),
    "loss": Tolerance(UNITS, _SUMMED),
    "state": Tolerance(UNITS, _SUMMED),
    "gradient by output": Tolerance(UNITS, _SUMMED),
    "gradient": Tolerance(UNITS, _SUMMED),
    "optimizer": Tolerance(UPDATE_UNITS, _CORRECTED),
    "slot": Tolerance(UNITS, _MOMENTS),
    "update": Tolerance(UPDATE_UNITS, _CORRECTED),
}
"""Tolerances by kind of row. Rows "optimizer" and "slot" use synthetic gradients, "update" those of the step."""


def tolerance(dtype: str, kind: str) -> float:
    """Return the largest error allowed for a kind of row in this dtype, relative to the largest term."""
    return TABLE[kind].units * unit(dtype)


def unit(dtype: str) -> float:
    """Return the machine epsilon of a dtype: 1.2e-7 for float32, 2.2e-16 for float64."""
    return float(np.finfo(dtype).eps)
