"""Several workers have the numbers of one where a step depends on whole batches."""

import numpy as np
import pytest

from kerasbridge.runtime import backend as choice
from tests.distributed import cases, workers

SPLIT_ROWS = ("tensorflow", "torch")
"""The backends on which each worker computes some rows of a batch."""

pytestmark = pytest.mark.skipif(choice.configure().backend not in SPLIT_ROWS, reason="computes whole batches")


@pytest.fixture(scope="module")
def alone():
    """Results of one process, and its error at a loss that is not finite."""
    ((results, errors, stopped, warnings),) = workers.run("cases", 1, "float64")
    assert list(results) == list(cases.CASES)
    assert set(errors.values()) == {None}
    assert stopped[0] == "NonFiniteError"
    assert warnings == [[], []]
    return results, stopped


@pytest.fixture(scope="module", params=[2, 3])
def several(request, alone):
    """Results and errors of each of several workers."""
    return workers.run("cases", request.param, "float64")


def test_every_number_is_that_of_one_worker(several, alone):
    for results, *_ in several:
        for name, expected in alone[0].items():
            assert list(results[name]) == list(expected)
            for key, value in expected.items():
                np.testing.assert_allclose(results[name][key], value, rtol=1e-12, atol=1e-12, err_msg=f"{name}: {key}")


def test_what_cannot_be_split_is_an_error_on_every_worker(several):
    for _, errors, *_ in several:
        assert {name: kind for name, (kind, _) in errors.items()} == {
            "drifting": "WorkerError",
            "shuffled": "WorkerError",
            "differing": "DataError",
            "stateful": "WorkerError",
        }
        assert "Expected the generator to give the same batches on every worker" in errors["differing"][1]
        assert "drifting/latest to be equal on all workers" in errors["drifting"][1]
        assert "keras.random.shuffle along the first axis" in errors["shuffled"][1]
        assert "stateful=True. Train it with one worker." in errors["stateful"][1]


def test_a_loss_that_is_not_finite_has_the_same_cause_on_every_worker(several, alone):
    assert {stopped for _, _, stopped, _ in several} == {alone[1]}


def test_a_loss_that_compares_rows_with_each_other_is_a_warning_of_worker_0(several):
    (of_rows, of_means), *others = [warnings for *_, warnings in several]
    assert ["the loss is another than with one" in warning for warning in of_rows] == [True]
    assert of_means == []
    assert others == [[[], []]] * len(others)
