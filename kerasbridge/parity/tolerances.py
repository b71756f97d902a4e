"""The one table of what a row of a diagnosis may be off, by dtype and kind of operation, each with its reason.

A tolerance is so many units of the dtype times the largest term that was summed for the row (`measuring.py`).
"""

from typing import NamedTuple

import numpy as np

UNITS, UPDATE_UNITS = 256, 512
NUDGE = 64
"""By how many units of float32 the reference is nudged up and down: twice what batch normalisation of MNIST is off."""


class Tolerance(NamedTuple):
    """So many units, and why."""

    units: int
    reason: str


_COPIED = "copied, not computed: equal bit for bit"
_SUMMED = (
    "n terms summed in another order part by sqrt(n) units or so, which the measure of the largest term follows: 5 at "
    "most were seen. But TensorFlow adds the numbers that batch normalisation averages one after another: 28 units off "
    "for 20,000 numbers, and 160 were seen"
)
_MOMENTS = "a moment is a few operations an element, on gradients that are the same everywhere"
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
"""By kind of row. "optimizer" and "slot" come of gradients drawn the same everywhere, "update" of the step's own."""


def tolerance(dtype: str, kind: str) -> float:
    """What an error of this kind may be in a computation in this dtype, relative to the largest term."""
    return TABLE[kind].units * unit(dtype)


def unit(dtype: str) -> float:
    """The relative rounding of a dtype: 1.2e-7 of float32, 2.2e-16 of float64."""
    return float(np.finfo(dtype).eps)
