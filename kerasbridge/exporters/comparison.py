"""How far what a file gives is from what the model gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbridge.exporters.batches import Arrays


def largest(found: Sequence[Arrays], expected: Sequence[Arrays]) -> float:
    """The largest difference of all outputs, each relative to the largest number of the model's."""
    batches = zip(found, expected, strict=True)
    return max(relative(*pair) for batch in batches for pair in zip(*batch, strict=True))


def relative(output: Any, reference: Any) -> float:
    """Infinite where shapes differ, or what is not finite stands elsewhere."""
    if output.shape != reference.shape:
        return float("inf")
    known = np.isfinite(reference)
    if not np.array_equal(output[~known], reference[~known], equal_nan=True) or not np.isfinite(output[known]).all():
        return float("inf")
    of_file, of_model = (array[known].astype("float64") for array in (output, reference))
    error, largest = np.abs(of_file - of_model).max(initial=0.0), np.abs(of_model).max(initial=0.0)
    return float(error / largest) if largest else float("inf" if error else 0)
