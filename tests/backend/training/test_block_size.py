"""Results do not depend on the number of steps per call of the backend, bit by bit."""

from functools import partial

import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, BatchRecorder, assert_same_state, cnn, mlp, seeded

ROWS, BATCH_SIZE = 203, 8  # 25 batches of 8 and one of 3
MODELS = {
    "MLP with dropout": (partial(mlp, rate=0.3), CASES["MLP"].arrays(ROWS)),
    "CNN with BatchNorm": (cnn, CASES["CNN with BatchNorm"].arrays(ROWS)),
}


def train(build, x, y, callbacks=(), **compiled):
    model = seeded(partial(build, **compiled))
    history = kb.fit(model, x, y, BATCH_SIZE, epochs=2, verbose=0, callbacks=[*callbacks], seed=3)
    return model, history.history


@pytest.fixture(scope="module", params=MODELS)
def free(request):
    """A model and its data, and its final state with blocks of automatic length."""
    build, (x, y) = MODELS[request.param]
    return build, x, y, *train(build, x, y)


def test_a_callback_after_every_batch_changes_no_bit(free):
    build, x, y, expected, history = free
    live = BatchRecorder()
    model, lived = train(build, x, y, [live])
    assert live.steps == [*range(26)] * 2
    assert_same_state(model, expected)
    assert lived == history


@pytest.mark.parametrize("steps", [7, 1000])
def test_steps_per_execution_changes_no_bit(free, steps):
    build, x, y, expected, history = free
    model, blocks = train(build, x, y, steps_per_execution=steps)
    assert_same_state(model, expected)
    assert blocks == history


def test_a_live_callback_sees_every_block_of_steps_per_execution(free):
    build, x, y, *_ = free
    live = BatchRecorder()
    train(build, x, y, [live], steps_per_execution=7)
    assert live.steps == [6, 13, 20, 27] * 2  # as Keras counts: whole executions


def test_evaluating_in_blocks_changes_no_bit(free):
    _, x, y, model, _ = free

    class LiveTest(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            pass

    expected = kb.evaluate(model, x, y, BATCH_SIZE, verbose=0)
    assert kb.evaluate(model, x, y, BATCH_SIZE, verbose=0, callbacks=[LiveTest()]) == expected
