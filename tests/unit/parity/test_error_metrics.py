"""The error of a row: the reference, the largest term, the error."""

import numpy as np
import pytest

from kerasbridge.parity import error_metrics, tolerances
from kerasbridge.parity.step_trace import FLOAT64_NUDGE, UP
from tests.unit.parity.inspected import KEY_BIAS, UNIT32, UNIT64, reference, step

BACKENDS = ("jax", "tensorflow", "torch")


def references(**changed):
    return [reference(name, **changed) for name in BACKENDS]


def test_of_three_candidates_one_that_is_wrong_is_outvoted():
    right, wrong = np.array([1.0, 2.0]), np.array([5.0, -5.0])
    assert error_metrics.median([wrong, right, right]).tolist() == [1.0, 2.0]
    assert error_metrics.median([right, np.zeros(3), right]).tolist() == [1.0, 2.0]


def test_two_candidates_are_both_off_by_half():
    assert error_metrics.median([np.array([1.0]), np.array([2.0])]).tolist() == [1.5]


@pytest.mark.parametrize(
    ("value", "expected", "found"),
    [
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([np.nan, 2.0], [np.nan, 2.0], 0.0),
        ([np.nan, 2.0], [1.0, 2.0], np.inf),
        ([np.inf, 2.0], [np.inf, 2.0], 0.0),
        ([1.0], [1.0, 2.0], np.inf),
        ([], [], 0.0),
    ],
)
def test_the_error_is_the_largest_difference_over_the_term(value, expected, found):
    assert error_metrics.relative_error(np.array(value), np.array(expected), 2.0) == found


def test_a_difference_where_nothing_was_summed_is_without_bound():
    assert error_metrics.relative_error(np.array([1e-30]), np.zeros(1), 0.0) == np.inf


def test_the_term_of_an_output_is_its_largest_number():
    assert error_metrics.largest_term(("output", "first"), np.array([0.3, -0.7]), references(), "float32") == 0.7


def test_the_term_of_a_sum_that_cancels_is_that_of_what_was_summed():
    term = error_metrics.largest_term(KEY_BIAS, np.array([2e-18, -1e-18]), references(), "float32")
    assert term == pytest.approx(0.3, rel=1e-6)


def test_operations_that_are_not_smooth_are_excused_in_float32_only():
    moved = references()
    for each in moved:
        each.runs[UP]["gradient", "first/kernel"] += 0.1
    key, value = ("gradient", "first/kernel"), np.array([0.2, 0.4])
    assert error_metrics.largest_term(key, value, moved, "float32") == pytest.approx(0.1 / (tolerances.UNITS * UNIT32))
    assert error_metrics.largest_term(key, value, moved, "float64") == 0.4


def test_a_backend_that_is_wrong_does_not_widen_its_own_bound():
    for count in (2, 3):
        moved = references()[:count]
        moved[1].runs[FLOAT64_NUDGE]["output", "first"] += 1e6 * UNIT64
        assert error_metrics.largest_term(("output", "first"), np.array([0.7]), moved, "float32") == 0.7


def test_an_update_carries_one_rounding_of_its_weight():
    heavy = references(**{"weights: first/kernel": [1.0, 1.0]})
    term = error_metrics.largest_term(("update", "first/kernel"), np.array([1e-3]), heavy, "float32")
    assert term * tolerances.tolerance("float32", "update") >= UNIT32


def test_only_rows_that_every_backend_has_are_compared():
    one, other = step("jax"), step("torch")
    del other.runs["plain"]["output", "second"]
    keys = error_metrics.shared_keys([one, other], [reference("jax"), reference("torch")])
    assert ("output", "second") not in keys
    assert ("compiled loss", "loss") in keys


def test_data_and_weights_have_to_be_equal_bit_for_bit():
    off = {"weights: first/kernel": [0.1 + 1e-8, -0.2]}
    steps = [step("jax"), step("tensorflow"), step("torch", **off)]
    found = {(row.kind, row.name): row for row in error_metrics.rows(steps, steps_as_references(steps), "float32")}
    assert found["weights", "first/kernel"].beyond == ("torch",)
    assert found["input", "x"].beyond == ()


def steps_as_references(steps):
    return [reference(each.backend, **{"weights: first/kernel": np.float32([0.1, -0.2]).tolist()}) for each in steps]
