"""Rounding, even amplified by chaos, is no fault; a fault is reported from the step where it appears."""

from dataclasses import replace

import numpy as np
import pytest

from kerasbridge.parity.jobs import Job
from kerasbridge.parity.verdict import HEAD_START, KINK, MARGIN, ROUNDING, bound, difference, judge, weight_difference
from tests.unit.parity.records import STEPS, apart, curve, record

UNIT = 2.0**-23


def verdict(*records):
    return judge(records).verdict


def test_equal_records_are_identical():
    assert verdict(record("jax"), record("torch"), record("tensorflow")) == "identical"


def test_a_difference_of_a_few_units_is_rounding():
    assert verdict(record(), record("torch", apart(5 * UNIT))) == "rounding"


@pytest.mark.parametrize("start", [1, 2, 17, STEPS])
def test_a_difference_beyond_is_a_disagreement_from_its_first_step_on(start):
    judgement = judge([record(), record("torch", apart(1e-3, start))])
    assert judgement.verdict == "disagree"
    assert (judgement.pairs[0].step, judgement.pairs[0].quantity) == (start, "loss")


def test_gradients_that_differ_despite_equal_losses_are_found():
    wrong = curve(norms=curve().gradient_norms * np.where(np.arange(STEPS) >= 4, 1.01, 1))
    judgement = judge([record(), record("torch", wrong)])
    assert (judgement.pairs[0].step, judgement.pairs[0].quantity) == (5, "gradient norm")


def gradients_apart(by, *steps):
    """Return `curve()` with other gradient norms in some steps, from 1."""
    return curve(norms=curve().gradient_norms * (1 + by * np.isin(np.arange(1, STEPS + 1), steps)))


def test_one_gradient_beyond_its_bound_by_little_is_a_kink():
    allowed = ROUNDING * UNIT * 2**0.5
    for by, accepted in ((0.9 * KINK, True), (1.2 * KINK, False)):
        pair = judge([record(), record("torch", gradients_apart(by * allowed, 2))]).pairs[0]
        assert (pair.verdict, pair.step, pair.kink) == (("rounding", None, 2) if accepted else ("disagree", 2, None))


@pytest.mark.parametrize("steps", [(1,), (2, 3), (2, STEPS)])
def test_a_kink_is_neither_in_the_first_step_nor_in_two(steps):
    pair = judge([record(), record("torch", gradients_apart(KINK * ROUNDING * UNIT, *steps))]).pairs[0]
    assert (pair.verdict, pair.step, pair.quantity, pair.kink) == ("disagree", steps[0], "gradient norm", None)


def test_a_kink_excuses_neither_losses_nor_final_weights():
    norms = gradients_apart(5 * ROUNDING * UNIT, 2).gradient_norms
    for other in (curve(apart(1e-3, STEPS).losses, norms), curve(norms=norms, weights=1.01)):
        pair = judge([record(), record("torch", other)]).pairs[0]
        assert (pair.verdict, pair.step, pair.quantity) == ("disagree", 2, "gradient norm")


def test_final_weights_that_differ_despite_equal_curves_are_found():
    judgement = judge([record(), record("torch", curve(weights=1.01))])
    assert (judgement.pairs[0].step, judgement.pairs[0].quantity) == (STEPS, "final weights")


def test_only_the_wrong_one_of_three_disagrees_with_the_others():
    judgement = judge([record("jax"), record("torch", apart(1e-2)), record("tensorflow")])
    assert [(pair.first, pair.second, pair.verdict) for pair in judgement.pairs] == [
        ("jax", "torch", "disagree"),
        ("jax", "tensorflow", "identical"),
        ("torch", "tensorflow", "disagree"),
    ]


def chaotic(rate, by=UNIT):
    """Return a run that diverges from `curve()` exponentially."""
    losses = curve().losses
    return curve(losses * (1 + by * np.exp(rate * np.arange(STEPS))))


def test_differences_that_a_nudged_run_shows_too_are_not_faults():
    calm, wild = record(), record(nudged=chaotic(0.3))
    other = record("torch", chaotic(0.3, 8 * UNIT))
    assert verdict(calm, other) == "disagree"
    assert verdict(wild, other) == "rounding"


def test_chaos_excuses_nothing_in_the_first_step():
    wild = record(nudged=apart(0.5))
    assert judge([wild, record("torch", apart(1e-4))]).pairs[0].step == 1


def test_the_bound_grows_with_the_steps_and_with_the_nudged_run():
    calm = bound(np.zeros(4), UNIT)
    np.testing.assert_allclose(calm, ROUNDING * UNIT * np.sqrt(np.arange(1, 5)))
    wild = bound(np.arange(100.0), UNIT)
    assert wild[0] == ROUNDING * UNIT
    assert wild[9] == MARGIN * (2 * 10 + HEAD_START - 1)
    assert wild[-1] == MARGIN * 99


def test_leaks_are_findings_in_float64_until_they_are_corrected():
    def judgement(**job):
        job = Job(dtype="float64", **job)
        run = curve()
        return verdict(record(job=job, nudged=run), record("torch", apart(1e-8), nudged=apart(1e-8), job=job))

    assert judgement() == "rounding"
    assert judgement(correct_leaks=True) == "disagree"


@pytest.mark.parametrize(
    ("field", "changed", "where"),
    [
        ("data", {"x": "d0", "y": "other"}, "y"),
        ("initial_weights", {"net/dense/kernel": "other"}, "net/dense/kernel"),
        ("orders", {"epoch 1": "other"}, "epoch 1"),
        ("masks", {"draw 1 of 12 words": "other"}, "draw 1 of 12 words"),
        ("masks", {}, "1 of them on one side, 0 on another"),
    ],
)
def test_one_digest_that_differs_is_a_disagreement_with_a_name(field, changed, where):
    judgement = judge([record(), record("torch", **{field: changed})])
    assert judgement.verdict == "disagree"
    assert [check.where for check in judgement.digests if not check.equal] == [where]


def test_masks_that_could_not_be_recorded_are_not_compared():
    assert verdict(record(), record("torch", masks={}, masks_missing="drawn inside a loop")) == "identical"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_finite_on_one_side_only_disagrees(value):
    losses = curve().losses
    losses[7] = value
    judgement = judge([record(), record("torch", curve(losses, curve().gradient_norms))])
    assert judgement.pairs[0].step == 8
    assert verdict(record("torch", curve(losses)), record("jax", curve(losses))) == "identical"


def test_a_nudged_run_that_is_not_finite_does_not_excuse_other_losses():
    broken = curve().losses
    broken[4:] = np.nan
    wild = record(nudged=curve(broken))
    assert verdict(wild, record("torch", apart(0.3, 20))) == "rounding"
    assert verdict(wild, record("torch", curve(np.where(np.arange(STEPS) < 20, curve().losses, np.inf)))) == "disagree"


def test_weights_of_other_names_are_infinitely_far():
    other = curve()
    other.final_weights["net/dense_1/kernel"] = other.final_weights.pop("net/dense/kernel")
    assert weight_difference(curve(), other) == float("inf")


def test_runs_of_different_length_are_compared_as_far_as_both_go():
    longer = record("torch", curve(steps=STEPS + 5))
    assert verdict(record(), replace(longer, job=Job())) == "identical"


def test_shown_are_steps_1_10_100_and_the_end():
    judgement = judge([record(run=curve(steps=150)), record("torch", apart(UNIT, 2, 150))])
    assert list(judgement.pairs[0].shown()) == ["step 1", "step 10", "step 100", "end"]
    assert judgement.pairs[0].shown()["step 1"] == 0


def test_differences_are_relative_to_the_larger():
    np.testing.assert_allclose(difference(np.array([1.0, 0, 4, 0]), np.array([2.0, 0, 1, 3])), [0.5, 0, 0.75, 1])


def test_weights_of_another_shape_are_infinitely_far():
    other = curve()
    other.final_weights["net/dense/kernel"] = np.ones((2, 3))
    assert weight_difference(curve(), other) == float("inf")
