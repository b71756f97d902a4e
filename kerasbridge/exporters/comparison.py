"""Relative differences between the outputs of an exported file and those of the model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.exporters.batches import Arrays


def max_relative_difference(outputs: Sequence[Arrays], expected: Sequence[Arrays]) -> float:
    """Return the largest relative difference over all batches and outputs."""
    batches = zip(outputs, expected, strict=True)
    return max(relative_difference(*pair) for batch in batches for pair in zip(*batch, strict=True))


def relative_difference(output: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest expected number.

    It is infinite if the shapes differ, or if the two are not finite in the same places.
    """
    if output.shape != expected.shape:
        return float("inf")
    finite = np.isfinite(expected)
    if not np.array_equal(output[~finite], expected[~finite], equal_nan=True) or not np.isfinite(output[finite]).all():
        return float("inf")
    actual, reference = (array[finite].astype("float64") for array in (output, expected))
    error, scale = np.abs(actual - reference).max(initial=0.0), np.abs(reference).max(initial=0.0)
    return float(error / scale) if scale else float("inf" if error else 0)
