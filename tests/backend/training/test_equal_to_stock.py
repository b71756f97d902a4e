"""`kb.fit` computes the same as stock `model.fit` on the same backend: 200 steps, same weights, rows in order.

On one backend, the only difference is the order in which a compiler adds numbers.
"""

from types import SimpleNamespace

import numpy as np
import pytest

import kerasbridge as kb
from tests.backend.models import CASES, BatchRecorder, assert_same_state, seeded, twins
from tests.stock import whole_gradients

BATCH_SIZE, EPOCHS, STEPS = 8, 2, 200
COMPILED = {"looped", "traced", "jit"}
TOLERANCES = {
    # The bound of the project for the losses of the first 200 steps.
    "loss": {"rtol": 1e-4, "atol": 0.0},
    # A mean over 800 rows; an accuracy may move by a row whose two best classes tie within rounding.
    "metric": {"rtol": 1e-3, "atol": 2 / 800},
    # Adam divides by the root of a mean square: if a gradient is only rounding, so is a step of the learning rate,
    # 1e-3. One step in 200 may differ.
    "state": {"rtol": 1e-3, "atol": 1e-3},
}


@pytest.fixture(scope="module", params=CASES)
def runs(request):
    """Stock with recorded losses, kerasbridge with recorded losses, and kerasbridge with blocks of automatic length."""
    case = CASES[request.param]
    x, y = case.arrays()
    arguments = {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "shuffle": False, "verbose": 0}
    stock, model = twins(case.build)
    free = seeded(case.build)
    expected, recorded = BatchRecorder(), BatchRecorder()
    with whole_gradients():
        stock_history = stock.fit(x, y, callbacks=[expected], **arguments)
    history = kb.fit(model, x, y, callbacks=[recorded], **arguments)
    free_history = kb.fit(free, x, y, **arguments)
    return SimpleNamespace(**locals())


def test_the_losses_of_200_steps_are_those_of_stock_fit(runs):
    assert len(runs.recorded.losses) == STEPS
    np.testing.assert_allclose(runs.recorded.losses, runs.expected.losses, **TOLERANCES["loss"])


def test_the_metrics_of_every_epoch_are_those_of_stock_fit(runs):
    assert runs.history.history.keys() == runs.stock_history.history.keys()
    for name, values in runs.stock_history.history.items():
        np.testing.assert_allclose(runs.history.history[name], values, err_msg=name, **TOLERANCES["metric"])


def test_weights_moving_statistics_and_optimizer_end_as_with_stock_fit(runs):
    assert_same_state(runs.model, runs.stock, **TOLERANCES["state"])


def test_blocks_of_many_steps_end_as_stock_fit_does(runs):
    assert_same_state(runs.free, runs.stock, **TOLERANCES["state"])
    np.testing.assert_allclose(
        runs.free_history.history["loss"], runs.stock_history.history["loss"], **TOLERANCES["loss"]
    )


def test_the_history_reports_compiled_steps(runs):
    assert runs.history.params["execution"] in COMPILED
    assert runs.free_history.params["execution"] in COMPILED
    assert runs.free_history.params["execution_reason"] is None


def test_training_reduces_the_loss(runs):
    losses = runs.stock_history.history["loss"]
    assert losses[-1] < 0.97 * losses[0]
