"""Workers that a launcher starts train as one process does."""

import numpy as np
import pytest

from tests.distributed import mlp, workers


@pytest.fixture(scope="module")
def alone():
    """The same training in this process."""
    return mlp.train(mlp.build())


def check_equal(results, alone):
    """Check that worker 0 has the numbers of one process, and every worker its weights, bit for bit."""
    first = results[0]
    assert list(first["history"]) == list(alone["history"])
    for name, values in alone["history"].items():
        np.testing.assert_allclose(first["history"][name], values, rtol=2e-6, err_msg=name)
    np.testing.assert_allclose(first["weights"], alone["weights"], atol=2e-6)
    for result in results:
        assert result["weights"].tobytes() == first["weights"].tobytes()
        assert result["params"]["workers"] == len(results)
        assert len(result["params"]["devices"]) == len(results)


def test_workers_of_any_launcher_train_as_one_process(alone):
    check_equal(workers.run("mlp", 3), alone)


def test_workers_of_torchrun_train_as_one_process(alone):
    with workers.torchrun("mlp", 2) as launched:
        check_equal(launched.results(), alone)


def test_a_worker_that_fails_is_named_with_what_it_printed():
    with pytest.raises(AssertionError, match=r"worker 0 ended with 1: (.|\n)*No module named"):
        workers.run("missing", 1)
