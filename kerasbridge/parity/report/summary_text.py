"""Sentences that describe a comparison, for the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasbridge.parity.record import DIGESTS
from kerasbridge.parity.verdict import DISAGREE, IDENTICAL, ROUNDED, DigestCheck, Pair
from kerasbridge.runtime.results import Summary

if TYPE_CHECKING:  # compare.py imports this package
    from kerasbridge.parity.compare import Comparison

HEADLINES = {IDENTICAL: "Identical", ROUNDED: "The same but for rounding", DISAGREE: "They disagree"}


def summary(comparison: Comparison) -> Summary:
    """Return the verdict with its meaning, and the differences of each pair of backends."""
    pairs, failures = comparison.judgement.pairs, [f"{name}: {why}" for name, why in comparison.failures.items()]
    if not pairs:
        labels = enumerate_words([record.label for record in comparison.records])
        return Summary(f"{labels}: trained, with nothing to compare with", notes=failures)
    first, _, rest = meaning(comparison).partition(". ")
    header = ["difference of the loss", *pairs[0].shown(), "of the final weights", "verdict"]
    return Summary(
        f"{comparison.verdict}: {first.removesuffix('.')}.",
        header,
        list(map(_cells, pairs)),
        [*filter(None, [rest]), *failures],
    )


def _cells(pair: Pair) -> list[str]:
    beyond = "" if pair.step is None else f" from step {pair.step} ({pair.quantity})"
    differences = (*pair.shown().values(), pair.weights)
    return [f"{pair.first}, {pair.second}", *map(short, differences), pair.verdict + beyond]


def headline(comparison: Comparison) -> str:
    """Return the verdict in a few words."""
    return HEADLINES[comparison.verdict]


def meaning(comparison: Comparison) -> str:
    """Return the meaning of the verdict for these backends, in one or two sentences."""
    labels = enumerate_words([record.label for record in comparison.records])
    if comparison.verdict == IDENTICAL:
        return f"Every loss, every gradient norm and the final weights of {labels} are equal, bit for bit."
    if comparison.verdict == ROUNDED:
        return (
            f"The numbers of {labels} differ, but nowhere by more than rounding explains. The measure is how far each "
            "run diverges from itself if every initial weight is changed in its last digit."
            f"{_kinks(comparison)}"
        )
    unequal = [check for check in comparison.judgement.digests if not check.equal]
    exceeding = [pair for pair in comparison.judgement.pairs if pair.step is not None]
    sentences = [_unequal_digest(comparison, check) for check in unequal[:1]]
    if exceeding:
        sentences += [_first_exceeding(comparison, exceeding), _culprit(exceeding)]
    return " ".join(filter(None, sentences))


def first_difference(comparison: Comparison) -> str:
    """Return the place of the first difference, whether rounding explains it or not."""
    for check in comparison.judgement.digests:
        if not check.equal:
            return f"{check.name}: {sides(comparison, check) or check.where}"
    differences = [difference for pair in comparison.judgement.pairs if (difference := _first_of_pair(pair))]
    if not differences:
        return "nowhere"
    step, order, size, pair = min(differences, key=lambda difference: difference[:2])
    quantity = ("loss", "gradient norm", "final weights")[order]
    where = quantity if order == 2 else f"{quantity} of step {step:,}"
    return f"{where}, {pair.first} and {pair.second}: {_size_in_units(comparison, size)}"


def sides(comparison: Comparison, check: DigestCheck) -> str:
    """Return the records by digest, such as "dense/kernel: jax ≠ tensorflow, torch"; "" if all are equal."""
    field = next((name for name, title in DIGESTS.items() if title == check.name), "")
    labels: dict[str, list[str]] = {}
    for record in comparison.records:
        digest = getattr(record, field, {}).get(check.where)
        if digest is not None:
            labels.setdefault(digest, []).append(record.label)
    return f"{check.where}: {' ≠ '.join(map(', '.join, labels.values()))}" if len(labels) > 1 else ""


def short(value: float) -> str:
    """Return a difference with two digits: "0", "1.5e-7", "∞"."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}e{int(power)}"


def enumerate_words(words: Sequence[str]) -> str:
    """Return an enumeration such as "jax, tensorflow and torch"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _unequal_digest(comparison: Comparison, check: DigestCheck) -> str:
    verb = "is" if check.name.startswith(("data", "order")) else "are"
    return f"The {check.name} {verb} not the same ({sides(comparison, check) or check.where})."


def _size_in_units(comparison: Comparison, size: float) -> str:
    """Return a relative difference and, unless there are too many, its units in the last place."""
    units = size / float(np.finfo(comparison.records[0].job.precision).eps)
    if not math.isfinite(size):
        return "one of them is not finite"
    return short(size) + (f", {units:.1f} units in the last place" if units < 1000 else "")


def _first_exceeding(comparison: Comparison, exceeding: Sequence[Pair]) -> str:
    """Describe the first difference beyond the bound."""
    pair = min(exceeding, key=lambda pair: pair.step or 0)
    judgement, step = comparison.judgement, pair.step or 1
    if pair.quantity == "final weights":
        return (
            f"Every loss of {pair.first} and {pair.second} is within the bound, but their final weights differ by "
            f"{short(pair.weights)}, where rounding explains {short(pair.weights_bound)}."
        )
    values, bound = (
        (pair.losses, judgement.loss_bound) if pair.quantity == "loss" else (pair.gradient_norms, judgement.norm_bound)
    )
    size = float(values[step - 1])
    difference = f"differs by {short(size)}" if math.isfinite(size) else "is finite on one side only"
    return (
        f"From step {step:,} on, {pair.first} and {pair.second} differ by more than rounding: the {pair.quantity} "
        f"{difference}, where rounding explains {short(float(bound[step - 1]))}."
    )


def _kinks(comparison: Comparison) -> str:
    """Name the pairs of which one gradient norm was accepted beyond its bound; "" without one."""
    pairs = [pair for pair in comparison.judgement.pairs if pair.kink]
    kinks = [f"{pair.first} and {pair.second} in step {pair.kink:,}" for pair in pairs]
    if not kinks:
        return ""
    return (
        f" One gradient norm exceeds its bound by little ({enumerate_words(kinks)}), but no loss and no final weight "
        "does: somewhere the last digit decided a ReLU or a maximum."
    )


def _culprit(exceeding: Sequence[Pair]) -> str:
    """Name the backend that is in every pair that disagrees; "" unless there are several pairs and one such backend."""
    common = set.intersection(*({pair.first, pair.second} for pair in exceeding))
    return f"Every pair that disagrees includes {common.pop()}." if len(exceeding) > 1 and len(common) == 1 else ""


def _first_of_pair(pair: Pair) -> tuple[int, int, float, Pair] | None:
    """Return the step, the order within the step and the size of the first difference of a pair; None without one."""
    for step, (loss, norm) in enumerate(zip(pair.losses, pair.gradient_norms, strict=True), 1):
        if loss or norm:
            return (step, 0, float(loss), pair) if loss else (step, 1, float(norm), pair)
    return (len(pair.losses), 2, pair.weights, pair) if pair.weights else None
