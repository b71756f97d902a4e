"""What a comparison found, in words: sentences for the report and for the command line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasbridge.parity.record import DIGESTS
from kerasbridge.parity.verdict import DISAGREE, IDENTICAL, ROUNDED, DigestCheck, Pair

if TYPE_CHECKING:  # which imports what writes the report
    from kerasbridge.parity.compare import Comparison

HEADLINES = {IDENTICAL: "Identical", ROUNDED: "The same but for rounding", DISAGREE: "They disagree"}


def headline(comparison: Comparison) -> str:
    """The verdict in a few plain words."""
    return HEADLINES[comparison.verdict]


def meaning(comparison: Comparison) -> str:
    """What the verdict says of these backends, in a sentence or two."""
    labels = listed([record.label for record in comparison.records])
    if comparison.verdict == IDENTICAL:
        return f"Every loss, every gradient norm and the final weights of {labels} are equal, bit for bit."
    if comparison.verdict == ROUNDED:
        return (
            f"The numbers of {labels} differ, but nowhere by more than rounding explains. The measure is how far each "
            "run parts from itself once every initial weight is moved in its last digit."
        )
    unequal = [check for check in comparison.judgement.digests if not check.equal]
    if unequal:
        return " ".join(unequal_sentence(comparison, check) for check in unequal[:1]) + _parting_after(comparison)
    return _parting(comparison)


def first_difference(comparison: Comparison) -> str:
    """Where the numbers part first, whether rounding explains it or not."""
    for check in comparison.judgement.digests:
        if not check.equal:
            return f"{check.name}: {parties(comparison, check) or check.where}"
    found = [arising for pair in comparison.judgement.pairs if (arising := _arising(pair))]
    if not found:
        return "nowhere"
    step, order, size, pair = min(found, key=lambda arising: arising[:2])
    quantity = ("loss", "gradient norm", "final weights")[order]
    where = quantity if order == 2 else f"{quantity} of step {step:,}"
    return f"{where}, {pair.first} and {pair.second}: {size_in_words(comparison, size)}"


def parties(comparison: Comparison, check: DigestCheck) -> str:
    """Which records have which digest, as "dense/kernel: jax ≠ tensorflow, torch"; "" where all are equal."""
    field = next((name for name, words in DIGESTS.items() if words == check.name), "")
    sides: dict[str, list[str]] = {}
    for record in comparison.records:
        digest = getattr(record, field, {}).get(check.where)
        if digest is not None:
            sides.setdefault(digest, []).append(record.label)
    return f"{check.where}: {' ≠ '.join(', '.join(side) for side in sides.values())}" if len(sides) > 1 else ""


def unequal_sentence(comparison: Comparison, check: DigestCheck) -> str:
    """What is not equal that had to be, and in whom."""
    verb = "is" if check.name.startswith(("data", "order")) else "are"
    return f"The {check.name} {verb} not the same ({parties(comparison, check) or check.where})."


def size_in_words(comparison: Comparison, size: float) -> str:
    """A relative difference, and how many units in the last place that is while they can be counted."""
    units = size / float(np.finfo(comparison.records[0].job.precision).eps)
    if not math.isfinite(size):
        return "one of them is not finite"
    return short(size) + (f", {units:.1f} units in the last place" if units < 1000 else "")


def short(value: float) -> str:
    """A difference in two digits: "0", "1.5e-7", "∞"."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}e{int(power)}"


def listed(words: Sequence[str]) -> str:
    """As "jax, tensorflow and torch"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _parting(comparison: Comparison) -> str:
    """The first step beyond the bound, of whom and in what."""
    judged = comparison.judgement
    beyond = [pair for pair in judged.pairs if pair.step is not None]
    pair = min(beyond, key=lambda pair: pair.step or 0)
    return f"{_beyond(comparison, pair)} {_culprit(beyond)}".strip()


def _parting_after(comparison: Comparison) -> str:
    return f" {_parting(comparison)}" if any(pair.step for pair in comparison.judgement.pairs) else ""


def _beyond(comparison: Comparison, pair: Pair) -> str:
    judged, step = comparison.judgement, pair.step or 1
    if pair.quantity == "final weights":
        return (
            f"Every loss of {pair.first} and {pair.second} is within the bound, but their final weights differ by "
            f"{short(pair.weights)}, where rounding explains {short(pair.weights_bound)}."
        )
    values, bound = (
        (pair.losses, judged.loss_bound) if pair.quantity == "loss" else (pair.gradient_norms, judged.norm_bound)
    )
    size = float(values[step - 1])
    apart = f"differs by {short(size)}" if math.isfinite(size) else "is finite on one side only"
    return (
        f"From step {step:,} on, {pair.first} and {pair.second} part by more than rounding: the {pair.quantity} "
        f"{apart}, where rounding explains {short(float(bound[step - 1]))}."
    )


def _culprit(beyond: Sequence[Pair]) -> str:
    """The one backend that is in every pair that disagrees, where that says anything."""
    common = set.intersection(*({pair.first, pair.second} for pair in beyond))
    return f"Every pair that disagrees has {common.pop()} in it." if len(beyond) > 1 and len(common) == 1 else ""


def _arising(pair: Pair) -> tuple[int, int, float, Pair] | None:
    """Step, place within the step, size."""
    for step, (loss, norm) in enumerate(zip(pair.losses, pair.gradient_norms, strict=True), 1):
        if loss or norm:
            return (step, 0, float(loss), pair) if loss else (step, 1, float(norm), pair)
    return (len(pair.losses), 2, pair.weights, pair) if pair.weights else None
