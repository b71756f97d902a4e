"""How far each row of a step is off on each backend, relative to the largest term that was summed for it.

**Reference**: the elementwise median of every backend's float64 run with leaks corrected. Of three, a backend that
computes something else is outvoted; of two, it is the middle, and both are off.

**Largest term**: a sum may be far smaller than what was summed (the gradient of attention's key bias is zero in
mathematics, and rounding in every backend), and its rounding follows the terms. They show in how a row moves when the
numbers before it move: each term by a unit, the row by about a unit of the largest term. The measure is the largest of

- the row's own largest number;
- what one unit of float64 in every weight and input does to the row, over that unit. It brings the noise of sums that
  cancel with it;
- for float32, what `NUDGE` units of float32 do to it, up or down, over the tolerance's units: as much as that is
  allowed. It brings what is not smooth: a ReLU whose input is so close to zero that rounding decides its side;
- for an update, the weight it is added to over the tolerance's units: it carries that one rounding.

Where the optimizer is given drawn gradients, nothing before them moves, and the nudges are left out.
Of several backends the middle measure counts, of two the smaller: one that is wrong does not widen its own bound.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasbridge.parity import tolerances
from kerasbridge.parity.step_trace import COMPILED, DOWN, PLAIN, SHAKEN, UP, Inspection, Key, Numbers, Run


@dataclass(frozen=True)
class Row:
    """One array of a step, on every backend.

    Attributes:
        kind: as in `tolerances.TABLE`, after "compiled " where it comes from the compiled step.
        name: the layer or variable.
        errors: by backend, the largest relative to `term`; infinite where the shape differs, or a number is not finite.
        tolerance: what they may be.
        term: the largest term that was summed.
        beyond: the backends that are further off.
        computed_in: by backend, the dtype of the array.
    """

    kind: str
    name: str
    errors: dict[str, float]
    tolerance: float
    term: float
    beyond: tuple[str, ...]
    computed_in: dict[str, str]


def rows(steps: Sequence[Inspection], references: Sequence[Inspection], dtype: str) -> list[Row]:
    """Every row that all backends have, in the order of computation.

    Args:
        steps: the step in the job's dtype, one inspection a backend.
        references: the same in float64 with leaks corrected and with nudged runs.
        dtype: the job's.
    """
    runs = {step.backend: step.runs[PLAIN] for step in steps}
    return [
        _row(key, {name: run[key] for name, run in runs.items()}, references, dtype)
        for key in shared_keys(steps, references)
    ]


def shared_keys(steps: Sequence[Inspection], references: Sequence[Inspection]) -> list[Key]:
    """What is in every inspection, in the first one's order."""
    return [
        key
        for key in steps[0].runs[PLAIN]
        if all(key in step.runs[PLAIN] for step in steps)
        and all(uncompiled(key) in reference.runs[PLAIN] for reference in references)
    ]


def uncompiled(key: Key) -> Key:
    """The row of the eager step that one of the compiled step is held against."""
    return key[0].removeprefix(COMPILED), key[1]


def error(value: Numbers, reference: Numbers, term: float) -> float:
    """The largest ``|value - reference| / term``; 0 where both are not a number, infinite where only one is finite."""
    if value.shape != reference.shape:
        return float("inf")
    if not value.size:
        return 0.0
    value, reference = value.astype("float64"), reference.astype("float64")
    with np.errstate(invalid="ignore"):
        apart = np.abs(value - reference)
    same = (value == reference) | (np.isnan(value) & np.isnan(reference))
    largest = float(np.max(np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))))
    return largest / term if largest and term else (np.inf if largest else 0.0)


def median(candidates: Sequence[Numbers]) -> Numbers:
    """The elementwise median of those that have the shape most of them have."""
    shape, _ = Counter(candidate.shape for candidate in candidates).most_common(1)[0]
    alike = [candidate.astype("float64") for candidate in candidates if candidate.shape == shape]
    middle: Numbers = np.asarray(np.median(alike, axis=0))
    return middle


def largest_term(key: Key, reference: Numbers, references: Sequence[Inspection], dtype: str) -> float:
    """The size of what was summed for a row: see the module."""
    seen = [_largest(reference)]
    if key[0] in ("update", "optimizer"):
        seen.append(_weight(key, references[0].runs[PLAIN]) / tolerances.UPDATE_UNITS)
    if key[0] not in ("optimizer", "slot"):
        seen.append(_moved(key, references, (SHAKEN,)) / tolerances.unit("float64"))
        if dtype == "float32":
            seen.append(_moved(key, references, (UP, DOWN)) / (tolerances.UNITS * tolerances.unit("float32")))
    return max(seen)


def _row(key: Key, values: Mapping[str, Numbers], references: Sequence[Inspection], dtype: str) -> Row:
    counterpart = uncompiled(key)
    reference = median([each.runs[PLAIN][counterpart] for each in references])
    term = largest_term(counterpart, reference, references, dtype)
    errors = {name: error(value, reference, term) for name, value in values.items()}
    allowed = tolerances.tolerance(dtype, counterpart[0])
    beyond = tuple(name for name, found in errors.items() if found > allowed)
    return Row(*key, errors, allowed, term, beyond, {name: str(value.dtype) for name, value in values.items()})


def _moved(key: Key, references: Sequence[Inspection], nudges: Sequence[str]) -> float:
    """How far the nudges move a row on the backend in the middle."""
    found = sorted(
        max(error(each.runs[nudge][key], each.runs[PLAIN][key], 1.0) for nudge in nudges if key in each.runs[nudge])
        for each in references
    )
    middle = found[(len(found) - 1) // 2]
    return middle if np.isfinite(middle) else 0.0


def _weight(key: Key, run: Run) -> float:
    """The largest number of the variable that is updated, or of all."""
    kind, name = key
    weights = [run[each] for each in run if each[0] == "weights" and (kind == "optimizer" or each[1] == name)]
    return max(map(_largest, weights), default=0.0)


def _largest(array: Numbers) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0
