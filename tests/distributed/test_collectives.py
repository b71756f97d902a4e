"""The operations by which workers exchange arrays and tensors, each on its part of the rows."""

import numpy as np
import pytest

from kerasbridge.runtime import backend as choice
from tests.distributed import exchange, workers
from tests.distributed.test_numbers import SPLIT_ROWS

pytestmark = pytest.mark.skipif(choice.configure().backend not in SPLIT_ROWS, reason="computes whole batches")
SIZE = 3


@pytest.fixture(scope="module")
def results():
    """The results of each worker."""
    return workers.run("exchange", SIZE)


@pytest.mark.parametrize("dtype", exchange.DTYPES)
def test_each_worker_receives_the_arrays_of_all(results, dtype):
    arrays = [exchange.array_of(rank, dtype) for rank in range(SIZE)]
    for result in (each["arrays"] for each in results):
        for name, expected in {"broadcast": arrays[0], "gathered": np.stack(arrays), "summed": sum(arrays)}.items():
            np.testing.assert_array_equal(result[name][dtype], expected, err_msg=name, strict=True)


def test_operations_of_one_kind_follow_each_other(results):
    assert [each["scalars"] for each in results] == [[(k, [k] * SIZE) for k in range(20)]] * SIZE


def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients(results):
    cubes = np.array([sum((1.0 + rank) ** 3 for rank in range(SIZE)), SIZE * 8.0])
    squares = np.array([sum((1.0 + rank) ** 2 for rank in range(SIZE)), SIZE * 4.0])
    for rank, result in enumerate(results):
        x = np.array([1.0 + rank, 2.0])
        first, second = result["derivatives"]
        np.testing.assert_allclose(first, SIZE * 6 * cubes * x**2)
        np.testing.assert_allclose(second, SIZE * (18 * x**2 * squares + 12 * cubes * x))
