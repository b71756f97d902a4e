"""Errors of each row of a step on each backend, relative to the largest term of the sums that make up the row.

**Reference**: the elementwise median of the corrected float64 runs of all backends. Of three backends, one that
computes something else is outvoted; of two, the median is the mean, and both are off.

**Largest term**: a sum may be far smaller than its terms (the gradient of attention's key bias is zero in mathematics,
and rounding error on every backend), and its rounding error is proportional to the terms. Their size shows in how much
a row changes when the numbers before it change: if each term changes by a unit, the row changes by about a unit of the
largest term. The estimate is the largest of

- the row's own largest number;
- the change of the row caused by one unit of float64 in every weight and input, over that unit. It covers the noise of
  sums that cancel;
- for float32, the change caused by `NUDGE` units of float32, up or down, over the tolerance in units: a change as large
  as that is tolerated. It covers what is not smooth: a ReLU whose input is so close to zero that rounding decides on
  its side;
- for an update, the weight it is added to over the tolerance in units: the update includes the rounding of that sum.

Where the optimizer is applied to synthetic gradients nothing before them changes, so the nudges are left out.
Of several backends the middle estimate counts, of two the smaller: a wrong backend does not widen its own bound.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasbridge.parity import tolerances
from kerasbridge.parity.step_trace import COMPILED, DOWN, FLOAT64_NUDGE, PLAIN, UP, Key, Numbers, Run, StepTrace


@dataclass(frozen=True)
class Row:
    """One array of a step, on every backend.

    Attributes:
        kind: a key of `tolerances.TABLE`, preceded by "compiled " if it comes from the compiled step.
        name: the layer or variable.
        errors: by backend, the largest error relative to `term`; infinite if the shape differs or a number is not
            finite.
        tolerance: the largest error allowed.
        term: the largest term of the sums that make up the row.
        beyond: the backends whose error exceeds the tolerance.
        computed_in: by backend, the dtype of the array.
    """

    kind: str
    name: str
    errors: dict[str, float]
    tolerance: float
    term: float
    beyond: tuple[str, ...]
    computed_in: dict[str, str]


def rows(steps: Sequence[StepTrace], references: Sequence[StepTrace], dtype: str) -> list[Row]:
    """Return every row that all backends have, in the order of computation.

    Args:
        steps: the step in the job's dtype, one trace per backend.
        references: the same in corrected float64, with nudged runs.
        dtype: the job's dtype.
    """
    runs = {step.backend: step.runs[PLAIN] for step in steps}
    return [
        _row(key, {name: run[key] for name, run in runs.items()}, references, dtype)
        for key in shared_keys(steps, references)
    ]


def shared_keys(steps: Sequence[StepTrace], references: Sequence[StepTrace]) -> list[Key]:
    """Return the keys that every trace has, in the order of the first trace."""
    return [
        key
        for key in steps[0].runs[PLAIN]
        if all(key in step.runs[PLAIN] for step in steps)
        and all(uncompiled(key) in reference.runs[PLAIN] for reference in references)
    ]


def uncompiled(key: Key) -> Key:
    """Return the key of the eager step that corresponds to a key of the compiled step."""
    return key[0].removeprefix(COMPILED), key[1]


def relative_error(value: Numbers, reference: Numbers, term: float) -> float:
    """Return the largest ``|value - reference| / term``; 0 where both are NaN, infinite where only one is finite."""
    if value.shape != reference.shape:
        return float("inf")
    if not value.size:
        return 0.0
    value, reference = value.astype("float64"), reference.astype("float64")
    with np.errstate(invalid="ignore"):
        difference = np.abs(value - reference)
    equal = (value == reference) | (np.isnan(value) & np.isnan(reference))
    largest = float(np.max(np.where(equal, 0.0, np.where(np.isfinite(difference), difference, np.inf))))
    return largest / term if largest and term else (np.inf if largest else 0.0)


def median(candidates: Sequence[Numbers]) -> Numbers:
    """Return the elementwise median of the candidates that have the most frequent shape."""
    shape, _ = Counter(candidate.shape for candidate in candidates).most_common(1)[0]
    same_shape = [candidate.astype("float64") for candidate in candidates if candidate.shape == shape]
    result: Numbers = np.asarray(np.median(same_shape, axis=0))
    return result


def largest_term(key: Key, reference: Numbers, references: Sequence[StepTrace], dtype: str) -> float:
    """Estimate the largest term of the sums that make up a row; the module's docstring explains how."""
    estimates = [_largest(reference)]
    if key[0] in ("update", "optimizer"):
        estimates.append(_largest_weight(key, references[0].runs[PLAIN]) / tolerances.UPDATE_UNITS)
    if key[0] not in ("optimizer", "slot"):
        estimates.append(_change(key, references, (FLOAT64_NUDGE,)) / tolerances.unit("float64"))
        if dtype == "float32":
            estimates.append(_change(key, references, (UP, DOWN)) / (tolerances.UNITS * tolerances.unit("float32")))
    return max(estimates)


def _row(key: Key, values: Mapping[str, Numbers], references: Sequence[StepTrace], dtype: str) -> Row:
    counterpart = uncompiled(key)
    reference = median([each.runs[PLAIN][counterpart] for each in references])
    term = largest_term(counterpart, reference, references, dtype)
    errors = {name: relative_error(value, reference, term) for name, value in values.items()}
    tolerance = tolerances.tolerance(dtype, counterpart[0])
    beyond = tuple(name for name, error in errors.items() if error > tolerance)
    return Row(*key, errors, tolerance, term, beyond, {name: str(value.dtype) for name, value in values.items()})


def _change(key: Key, references: Sequence[StepTrace], nudges: Sequence[str]) -> float:
    """Return the largest change of a row caused by the nudges: the median over the backends."""
    changes = sorted(
        max(
            relative_error(each.runs[nudge][key], each.runs[PLAIN][key], 1.0)
            for nudge in nudges
            if key in each.runs[nudge]
        )
        for each in references
    )
    middle = changes[(len(changes) - 1) // 2]
    return middle if np.isfinite(middle) else 0.0


def _largest_weight(key: Key, run: Run) -> float:
    """Return the largest number of the variable that is updated, or of all variables for a row of the optimizer."""
    kind, name = key
    weights = [run[each] for each in run if each[0] == "weights" and (kind == "optimizer" or each[1] == name)]
    return max(map(_largest, weights), default=0.0)


def _largest(array: Numbers) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0
