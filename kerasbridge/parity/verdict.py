"""Are two runs the same but for rounding? Judged against how far a run parts from itself once it is nudged.

Rounding differs between backends in every step. Where training is chaotic it grows until the losses differ in the
second digit, and nothing is wrong; where training is calm it stays at the eighth. Each record therefore holds a second
run of the same backend whose initial weights were each moved by one unit in the last place: what that run does to the
losses, rounding may do as well. The bound on step t (from 1) is the larger of

- ``ROUNDING * sqrt(t)`` units in the last place: what rounding adds up to where nothing amplifies it. 256, since
  TensorFlow's batch normalisation alone was seen 160 units from the others, in float32 and float64 alike;
- ``MARGIN`` times the largest difference that any nudged run shows up to step ``2 t + HEAD_START``. Rounding comes in
  every step, the nudge only once and small, so that chaos may set in somewhat earlier.

The first step is held to the former alone: both sides still have the same weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from kerasbridge.parity.record import DIGESTS, Curve, Numbers, Record

ROUNDING = 256
MARGIN = 30
HEAD_START = 8
SHOWN_STEPS = (1, 10, 100)

IDENTICAL, ROUNDED, DISAGREE = "identical", "rounding", "disagree"


@dataclass(frozen=True)
class DigestCheck:
    """Whether one kind of digest is equal in all records; `where` names the first that is not."""

    name: str
    equal: bool
    where: str | None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two records beside each other.

    Attributes:
        first, second: the labels of the records.
        verdict: "identical" (every loss, bit for bit), "rounding" or "disagree".
        step: the first step beyond the bound, from 1, and `quantity` what was beyond it there; None without one.
        losses, gradient_norms: relative differences of each step, shape (steps,).
        weights: relative difference of the final weights, ``|a - b| / |b|`` over all of them.
        weights_bound: what that may be.
    """

    first: str
    second: str
    verdict: str
    step: int | None
    quantity: str | None
    losses: Numbers
    gradient_norms: Numbers
    weights: float
    weights_bound: float

    def shown(self) -> dict[str, float]:
        """The difference of the losses at steps 1, 10 and 100, as far as there are so many, and at the end."""
        steps = [step for step in SHOWN_STEPS if step < len(self.losses)]
        return {**{f"step {step}": float(self.losses[step - 1]) for step in steps}, "end": float(self.losses[-1])}


@dataclass(frozen=True, eq=False)
class Judgement:
    """What several records say together.

    Attributes:
        verdict: the worst of all.
        digests: one check a kind, in the order of a run.
        pairs: every two records.
        loss_bound, norm_bound: what the differences of losses and of gradient norms may be, shape (steps,).
        nudged, nudged_norms: the largest difference that a nudged run shows up to each step, shape (steps,).
    """

    verdict: str
    digests: tuple[DigestCheck, ...]
    pairs: tuple[Pair, ...]
    loss_bound: Numbers
    norm_bound: Numbers
    nudged: Numbers
    nudged_norms: Numbers


def judge(records: Sequence[Record]) -> Judgement:
    """Hold the records of one job together."""
    digests = tuple(_check_digests(field, records) for field in DIGESTS)
    unit = float(np.finfo(records[0].job.precision).eps)
    losses = _spread([(record.run.losses, record.nudged.losses) for record in records])
    norms = _spread([(record.run.gradient_norms, record.nudged.gradient_norms) for record in records])
    bounds = bound(losses, unit), bound(norms, unit)
    weights = max(record.nudged_weights for record in records)
    weights_bound = max(ROUNDING * unit * len(losses) ** 0.5, MARGIN * weights)
    pairs = tuple(_pair(first, second, *bounds, weights_bound) for first, second in combinations(records, 2))
    verdicts = [pair.verdict for pair in pairs] + [IDENTICAL if check.equal else DISAGREE for check in digests]
    worst = max(verdicts, key=(IDENTICAL, ROUNDED, DISAGREE).index)
    return Judgement(worst, digests, pairs, *bounds, losses, norms)


def bound(nudged: Numbers, unit: float) -> Numbers:
    """What a difference may be in each step, given the largest so far of the nudged runs; `unit` is the precision's."""
    steps = np.arange(1, len(nudged) + 1)
    later = nudged[np.minimum(2 * steps + HEAD_START, len(nudged)) - 1]
    chaos = np.where(steps > 1, MARGIN * later, 0.0)
    allowed: Numbers = np.maximum(ROUNDING * unit * np.sqrt(steps), chaos)
    return allowed


def difference(one: Numbers, other: Numbers) -> Numbers:
    """``|a - b| / max(|a|, |b|)``; 0 where both are the same or both not a number, infinite where one is not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(one - other) / np.maximum(np.abs(one), np.abs(other))
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    relative: Numbers = np.where(same, 0.0, np.where(np.isfinite(found), found, np.inf))
    return relative


def weight_difference(one: Curve, other: Curve) -> float:
    """The distance of the final weights of two runs over their length, as one vector of floats each."""
    if list(one.final_weights) != list(other.final_weights):
        return float("inf")
    pairs = [
        (value.astype("float64"), other.final_weights[name].astype("float64"))
        for name, value in one.final_weights.items()
        if value.dtype.kind == "f"
    ]
    if any(a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all() for a, b in pairs):
        return float("inf")
    apart = np.sqrt(sum(float(np.sum((a - b) ** 2)) for a, b in pairs))
    length = np.sqrt(sum(float(np.sum(b**2)) for _, b in pairs))
    return float(apart / length) if length else float(apart)


def _check_digests(field: str, records: Sequence[Record]) -> DigestCheck:
    first, *others = [getattr(record, field) for record in records if not _missing(field, record)] or [{}]
    for other in others:
        if list(other) != list(first):
            return DigestCheck(DIGESTS[field], False, f"{len(first)} of them on one side, {len(other)} on another")
        for name, digest in first.items():
            if other[name] != digest:
                return DigestCheck(DIGESTS[field], False, name)
    return DigestCheck(DIGESTS[field], True, None)


def _missing(field: str, record: Record) -> bool:
    return field == "masks" and record.masks_missing is not None


def _spread(runs: list[tuple[Numbers, Numbers]]) -> Numbers:
    """The largest difference so far within any of the pairs."""
    shortest = min(len(one) for one, _ in runs)
    largest = np.max([difference(one[:shortest], other[:shortest]) for one, other in runs], axis=0)
    # One run that turned infinite and one that did not are as far apart as any two: 1, which excuses no infinity.
    so_far: Numbers = np.minimum(np.maximum.accumulate(largest), 1.0)
    return so_far


def _pair(first: Record, second: Record, loss_bound: Numbers, norm_bound: Numbers, weights_bound: float) -> Pair:
    steps = min(len(first.run.losses), len(second.run.losses), len(loss_bound))
    losses = difference(first.run.losses[:steps], second.run.losses[:steps])
    norms = difference(first.run.gradient_norms[:steps], second.run.gradient_norms[:steps])
    weights = weight_difference(first.run, second.run)
    beyond = [
        (int(np.argmax(over)) + 1, quantity)
        for over, quantity in ((losses > loss_bound[:steps], "loss"), (norms > norm_bound[:steps], "gradient norm"))
        if over.any()
    ]
    if not beyond and weights > weights_bound:
        beyond = [(steps, "final weights")]
    step, quantity = min(beyond, default=(None, None), key=lambda found: found[0])
    verdict: Any = DISAGREE if beyond else ROUNDED if losses.any() or norms.any() or weights else IDENTICAL
    return Pair(first.label, second.label, verdict, step, quantity, losses, norms, weights, weights_bound)
