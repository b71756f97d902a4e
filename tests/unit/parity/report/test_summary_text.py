"""Sentences name the step, the backends and the quantity, or the digest, in which the numbers part."""

import pytest

from tests.unit.parity.records import apart, curve, record
from tests.unit.parity.report.pages import UNIT, disagreeing, page, rounding, text


def test_a_step_beyond_the_bound_is_reported_with_backends_and_quantity():
    words = text(page(*disagreeing()))
    assert "From step 9 on, jax and torch differ by more than rounding: the loss differs by 9.9e-3" in words
    assert "Every pair that disagrees includes torch." in words


def test_if_two_backends_disagree_neither_is_blamed():
    assert "Every pair" not in text(page(record("jax"), record("torch", apart(1e-2))))


def test_a_gradient_norm_beyond_the_bound_is_reported():
    norms = curve().gradient_norms.copy()
    norms[4] *= 1.01
    words = text(page(record("jax"), record("torch", curve(norms=norms))))
    assert "From step 5 on, jax and torch differ by more than rounding: the gradient norm differs by 9.9e-3" in words


def test_a_disagreement_of_final_weights_alone_is_reported():
    words = text(page(record("jax"), record("torch", curve(weights=1.1))))
    assert "their final weights differ by 9.1e-2, where rounding explains 1.9e-4" in words
    assert "Where the first difference arises: final weights, jax and torch: 9.1e-2" in words


def test_a_different_digest_is_reported_with_name_and_backends():
    other = record("torch", initial_weights={"net/dense/kernel": "w1"})
    words = text(page(record("jax"), other, record("tensorflow")))
    parties = "net/dense/kernel: jax, tensorflow ≠ torch"
    assert f"The initial weights are not the same ({parties})." in words
    assert f"Where the first difference arises: initial weights: {parties}" in words
    assert f"initial weights 1 not equal {parties}" in words
    assert "order of rows 1 equal" in words


def test_digests_of_other_variables_are_reported():
    words = text(page(record("jax"), record("torch", initial_weights={})))
    assert "The initial weights are not the same (1 of them on one side, 0 on another)." in words


@pytest.mark.parametrize(
    ("records", "where"),
    [
        ((record("jax"), record("torch")), "nowhere"),
        (rounding(), "loss of step 2, jax and torch: 6.0e-7, 5.0 units in the last place"),
        (
            (record("jax"), record("torch", curve(norms=curve().losses * 3 * (1 + UNIT)))),
            "gradient norm of step 1, jax and torch: 1.2e-7, 1.0 units in the last place",
        ),
    ],
)
def test_the_first_difference_is_located(records, where):
    assert f"Where the first difference arises: {where} Loss" in text(page(*records))


def test_a_gradient_norm_that_is_accepted_beyond_its_bound_is_named():
    norms = curve().gradient_norms.copy()
    norms[4] *= 1 + 1e-4
    words = text(page(record("jax"), record("torch", curve(norms=norms))))
    assert "One gradient norm exceeds its bound by little (jax and torch in step 5), but no loss and no final" in words
