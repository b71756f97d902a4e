"""Decide whether two runs differ by rounding only; the scale is how much a run diverges from itself when nudged.

Rounding differs between backends in every step. If training is chaotic, the difference grows until the losses differ in
the second digit, and nothing is wrong; if it is not, the losses agree to the eighth. Each record therefore contains a
second run on the same backend, from initial weights that were each changed by one unit in the last place: as much as
that run changes the losses, rounding may change them too. The bound on step t (from 1) is the larger of

- ``ROUNDING * sqrt(t)`` units in the last place: accumulated rounding that nothing amplifies. It is 256 because
  TensorFlow's batch normalisation alone was measured 160 units from the others, in both float32 and float64;
- ``MARGIN`` times the largest difference of any nudged run up to step ``2 t + HEAD_START``. Rounding occurs in every
  step, the nudge is small and occurs only once, so chaos may set in somewhat earlier than in the nudged run.

In the first step, in which both sides still have the same weights, only the former applies.

A gradient has kinks: where the last digit decides a ReLU or a maximum, it changes by the share of one value, and the
nudged run need not meet that. One later step may therefore exceed the bound of the gradient norm up to ``KINK`` times
if all losses, all other norms and the final weights are within theirs. An error that is in one gradient only and is
that small changes nothing that a user sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from kerasbridge.parity.record import DIGESTS, Curve, Numbers, Record

ROUNDING = 256
MARGIN = 30
HEAD_START = 8
KINK = 10
SHOWN_STEPS = (1, 10, 100)

IDENTICAL, ROUNDED, DISAGREE = "identical", "rounding", "disagree"


@dataclass(frozen=True)
class DigestCheck:
    """Comparison of one kind of digest over all records; `where` names the first that differs."""

    name: str
    equal: bool
    where: str | None


@dataclass(frozen=True, eq=False)
class Pair:
    """Comparison of two records.

    Attributes:
        first, second: the labels of the records.
        verdict: "identical" (every loss, bit for bit), "rounding" or "disagree".
        step, quantity: the first step beyond the bound, from 1, and the quantity that exceeds it; None without one.
        kink: the one step whose gradient norm exceeds its bound and is accepted, from 1; None without one.
        losses, gradient_norms: relative differences of each step, shape (steps,).
        weights: relative difference of the final weights, ``|a - b| / |b|`` over all of them.
        weights_bound: the largest value allowed for `weights`.
    """

    first: str
    second: str
    verdict: str
    step: int | None
    quantity: str | None
    kink: int | None
    losses: Numbers = field(repr=False)
    gradient_norms: Numbers = field(repr=False)
    weights: float
    weights_bound: float

    def shown(self) -> dict[str, float]:
        """Return the differences of the losses at steps 1, 10 and 100, if there are as many, and at the end."""
        steps = [step for step in SHOWN_STEPS if step < len(self.losses)]
        return {**{f"step {step}": float(self.losses[step - 1]) for step in steps}, "end": float(self.losses[-1])}


@dataclass(frozen=True, eq=False)
class Judgement:
    """Comparison of several records.

    Attributes:
        verdict: the worst verdict of all pairs and digests.
        digests: one check per kind of digest, in the order of a run.
        pairs: the comparison of every two records.
        loss_bound, norm_bound: the largest differences allowed for losses and gradient norms, shape (steps,).
        nudged, nudged_norms: the largest difference of any nudged run up to each step, shape (steps,).
    """

    verdict: str
    digests: tuple[DigestCheck, ...]
    pairs: tuple[Pair, ...]
    loss_bound: Numbers = field(repr=False)
    norm_bound: Numbers = field(repr=False)
    nudged: Numbers = field(repr=False)
    nudged_norms: Numbers = field(repr=False)


def judge(records: Sequence[Record]) -> Judgement:
    """Compare the records of one job."""
    digests = tuple(_check_digests(field, records) for field in DIGESTS)
    unit = float(np.finfo(records[0].job.precision).eps)
    losses = _largest_so_far([(record.run.losses, record.nudged.losses) for record in records])
    norms = _largest_so_far([(record.run.gradient_norms, record.nudged.gradient_norms) for record in records])
    bounds = bound(losses, unit), bound(norms, unit)
    weights = max(record.nudged_weights for record in records)
    weights_bound = max(ROUNDING * unit * len(losses) ** 0.5, MARGIN * weights)
    pairs = tuple(_pair(first, second, *bounds, weights_bound) for first, second in combinations(records, 2))
    verdicts = [pair.verdict for pair in pairs] + [IDENTICAL if check.equal else DISAGREE for check in digests]
    worst = max(verdicts, key=(IDENTICAL, ROUNDED, DISAGREE).index)
    return Judgement(worst, digests, pairs, *bounds, losses, norms)


def bound(nudged: Numbers, unit: float) -> Numbers:
    """Return the largest difference allowed in each step.

    Args:
        nudged: the largest difference of the nudged runs up to each step.
        unit: the machine epsilon of the precision.
    """
    steps = np.arange(1, len(nudged) + 1)
    later = nudged[np.minimum(2 * steps + HEAD_START, len(nudged)) - 1]
    chaos = np.where(steps > 1, MARGIN * later, 0.0)
    largest: Numbers = np.maximum(ROUNDING * unit * np.sqrt(steps), chaos)
    return largest


def difference(one: Numbers, other: Numbers) -> Numbers:
    """Return ``|a - b| / max(|a|, |b|)``; 0 where both are equal or both NaN, infinite where only one is finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(one - other) / np.maximum(np.abs(one), np.abs(other))
    equal = (one == other) | (np.isnan(one) & np.isnan(other))
    result: Numbers = np.where(equal, 0.0, np.where(np.isfinite(relative), relative, np.inf))
    return result


def weight_difference(one: Curve, other: Curve) -> float:
    """Return ``|a - b| / |b|`` of the final weights of two runs, each taken as one vector of floats."""
    if list(one.final_weights) != list(other.final_weights):
        return float("inf")
    pairs = [
        (value.astype("float64"), other.final_weights[name].astype("float64"))
        for name, value in one.final_weights.items()
        if value.dtype.kind == "f"
    ]
    if any(a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all() for a, b in pairs):
        return float("inf")
    distance = np.sqrt(sum(float(np.sum((a - b) ** 2)) for a, b in pairs))
    norm = np.sqrt(sum(float(np.sum(b**2)) for _, b in pairs))
    return float(distance / norm) if norm else float(distance)


def _check_digests(field: str, records: Sequence[Record]) -> DigestCheck:
    recorded = [record for record in records if field != "masks" or record.masks_missing is None]
    first, *others = [getattr(record, field) for record in recorded] or [{}]
    for other in others:
        if list(other) != list(first):
            return DigestCheck(DIGESTS[field], False, f"{len(first)} of them on one side, {len(other)} on another")
        for name, digest in first.items():
            if other[name] != digest:
                return DigestCheck(DIGESTS[field], False, name)
    return DigestCheck(DIGESTS[field], True, None)


def _largest_so_far(pairs: list[tuple[Numbers, Numbers]]) -> Numbers:
    """Return the largest difference up to each step within any of the pairs."""
    shortest = min(len(one) for one, _ in pairs)
    largest = np.max([difference(one[:shortest], other[:shortest]) for one, other in pairs], axis=0)
    # At most 1: an infinite bound would allow infinite losses.
    so_far: Numbers = np.minimum(np.maximum.accumulate(largest), 1.0)
    return so_far


def _pair(first: Record, second: Record, loss_bound: Numbers, norm_bound: Numbers, weights_bound: float) -> Pair:
    steps = min(len(first.run.losses), len(second.run.losses), len(loss_bound))
    losses = difference(first.run.losses[:steps], second.run.losses[:steps])
    norms = difference(first.run.gradient_norms[:steps], second.run.gradient_norms[:steps])
    weights = weight_difference(first.run, second.run)
    over = {"loss": losses > loss_bound[:steps], "gradient norm": norms > norm_bound[:steps]}
    kink = _kink(norms, norm_bound[:steps])
    if kink and not over["loss"].any() and weights <= weights_bound:
        over["gradient norm"][kink - 1] = False
    else:
        kink = None
    beyond = [(int(np.argmax(where)) + 1, quantity) for quantity, where in over.items() if where.any()]
    if not beyond and weights > weights_bound:
        beyond = [(steps, "final weights")]
    step, quantity = min(beyond, default=(None, None), key=lambda each: each[0])
    verdict: Any = DISAGREE if beyond else ROUNDED if losses.any() or norms.any() or weights else IDENTICAL
    return Pair(first.label, second.label, verdict, step, quantity, kink, losses, norms, weights, weights_bound)


def _kink(norms: Numbers, norm_bound: Numbers) -> int | None:
    """Return the only step beyond the bound, from 1, if it is a later one and beyond by little; else None."""
    over = np.flatnonzero(norms > norm_bound)
    if len(over) == 1 and over[0] and norms[over[0]] <= KINK * norm_bound[over[0]]:
        return int(over[0]) + 1
    return None
