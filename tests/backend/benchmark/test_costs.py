"""The cost of a part is that of the same training, and constant bits do replace the random numbers."""

import pytest

from kerasbridge.benchmark import costs


@pytest.mark.once
@pytest.mark.parametrize("part", list(costs.PARTS))
def test_a_part_changes_no_loss_but_constant_bits_do(part):
    result = costs.measure(part, rows=64, rounds=1, epochs=2)
    assert result["same_losses"] == (part != "random-numbers")
    low, median, high = result["times_as_long"]
    assert 0 < low <= median <= high


@pytest.mark.once
def test_a_model_has_weights_of_the_size_asked_for():
    assert costs.compiled_model("mlp", megabytes=2).count_params() == pytest.approx(500_000, rel=0.01)
