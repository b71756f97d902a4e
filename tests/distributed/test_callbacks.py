"""Callbacks run on worker 0; what they change reaches all workers, or is an error, the same on all."""

import numpy as np
import pytest

from tests.distributed import led_by_callbacks, workers

ERRORS = {
    "recompiled_by_a_callback": ("ArgumentError", "the optimizer, loss or metrics, with model.compile"),
    "a_python_value_changed_by_a_callback": ("ArgumentError", "a Python value that the model or its loss reads"),
    "labels_out_of_range": ("DataError", "0"),
    "other_seeds": ("WorkerError", "seed is 1 on worker 0, 2 on worker 1"),
    "other_lengths": ("WorkerError", "data.rows is 100 on worker 0, 101 on worker 1"),
    "own_rows_as_with_other_tools": ("WorkerError", "Pass the whole data on each"),
    "other_models": ("WorkerError", "on worker 0"),
    "other_versions": ("WorkerError", 'the version of keras is "3.0" on worker 0, "3.1" on worker 1'),
    "fewer_rows_than_workers": ("ArgumentError", "batch_size of at least 2, a row for each worker, received 1"),
}


@pytest.fixture(scope="module")
def two():
    """The results of two workers."""
    return workers.run("led_by_callbacks", 2)


def test_callbacks_lead_all_workers_as_one_process(two):
    for name, alone in led_by_callbacks.results().items():
        for result in (worker[name] for worker in two):
            assert result["weights"].tobytes() == two[0][name]["weights"].tobytes(), name
            assert result.get("calls") == alone.get("calls"), name
        history = two[0][name]["history"]
        assert {key: len(values) for key, values in history.items()} == {
            key: len(values) for key, values in alone["history"].items()
        }, name
        for key, values in alone["history"].items():
            np.testing.assert_allclose(history[key], values, rtol=1e-5, err_msg=f"{name} {key}")
        np.testing.assert_allclose(two[0][name]["weights"], alone["weights"], atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_the_same_on_all_workers(two, name):
    first, second = (worker["errors"][name] for worker in two)
    assert first == second
    assert first[0] == ERRORS[name][0]
    assert ERRORS[name][1] in first[1]
