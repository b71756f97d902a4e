"""`kb.predict` in blocks: the same predictions as batch by batch, whatever the outputs, the state and the memory."""

import importlib

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import base
from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import backend as settings
from tests.backend.models import seeded

layers, ops = keras.layers, keras.ops
ROWS = 2 * 66 + 1
X = np.random.default_rng(0).normal(size=(ROWS, 3, 4)).astype("float32")


class Noisy(layers.Layer):
    """Add noise, also in inference, and count how often the Python code runs."""

    calls = 0

    def __init__(self, **options):
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, inputs):
        Noisy.calls += 1
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seeds)


class Total(layers.Layer):
    """Sum up the rows of a batch: an output without an axis of rows."""

    def call(self, inputs):
        return ops.sum(inputs, axis=(0, 1))


def several_outputs():
    x = keras.Input((3, 4))
    y = layers.Dense(5, activation="tanh")(Noisy()(x))
    return keras.Model(x, [y, {"flat": layers.Flatten()(y), "total": Total()(y)}])


@pytest.fixture
def tracing_early(backend, monkeypatch):
    """Let torch trace after 8 batches instead of a hundred or more."""
    if backend == "torch":
        module = importlib.import_module("kerasbridge.engines.torch.predict")
        monkeypatch.setattr(module, "batches_to_pay", lambda operations: 8)


def assert_equal(found, expected, rtol=0.0):
    keras.tree.assert_same_structure(found, expected)
    for one, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol / 10)


def predict(model, x=X, batch_size=2, **options):
    """Return the predictions, with the same noise each time."""
    model.layers[1].seeds.state.assign([3, 0])
    return kb.predict(model, x, batch_size, verbose=0, **options)


def test_blocks_predict_what_batches_predict_one_by_one(tracing_early, monkeypatch):
    model, batches, hook = seeded(several_outputs), [], keras.callbacks.Callback()
    hook.on_predict_batch_end = lambda batch, logs: batches.append(logs["outputs"])
    expected = predict(model, callbacks=[hook])
    assert [ops.shape(batch[0])[0] for batch in batches] == [2] * 66 + [1]
    assert expected[0].shape == (ROWS, 3, 5)
    assert expected[1]["total"].shape == (67 * 5,)
    before = Noisy.calls
    assert_equal(predict(model), expected)
    assert Noisy.calls - before <= 1  # the last batch, on torch
    stream = ((X[start : start + 2],) for start in range(0, ROWS, 2))
    assert_equal(predict(model, stream, None), expected, 1e-6)
    before = Noisy.calls
    predict(model, np.resize(X, (3 * ROWS, 3, 4)))
    assert Noisy.calls - before <= 1  # nothing is compiled for another number of rows
    monkeypatch.setattr(base, "MAX_OUTPUT_BYTES", 1000)  # three batches
    model = seeded(several_outputs)
    assert_equal(predict(model), expected)
    model.compile(run_eagerly=True)
    assert_equal(predict(model, X[:4])[0], expected[0][:4], 1e-5)


def test_state_goes_from_block_to_block(tracing_early):
    model = keras.Sequential([keras.Input(batch_shape=(2, 3, 4)), layers.SimpleRNN(5, stateful=True)])
    kernel, recurrent = model.get_weights()[:2]
    state, expected = np.zeros((2, 5), "float32"), []
    for batch in [*X[:-1].reshape(66, 2, 3, 4)] * 2:
        for step in range(3):
            state = np.tanh(batch[:, step] @ kernel + state @ recurrent)
        expected.append(state)
    found = [kb.predict(model, X[:-1], 2, verbose=0) for _ in range(2)]
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(expected), rtol=1e-4, atol=1e-5)


class Numbered(layers.Layer):
    """Add the number of the batch, which Python counts, and write to its input."""

    number = 0

    def call(self, inputs):
        self.number += 1
        inputs *= 1
        return inputs + self.number


def test_torch_predicts_with_python_what_a_trace_would_not(tracing_early, backend, monkeypatch, caplog):
    if backend != "torch":
        pytest.skip("the other backends compile every prediction")
    model, rows = keras.Sequential([keras.Input((3, 4)), Numbered()]), X.copy()
    with pytest.raises(StepError, match="traced, the model predicts something else"):
        kb.predict(model, rows, 2, verbose=0)
    monkeypatch.setattr(settings, "checks_steps_strictly", lambda: False)
    model = keras.Sequential([keras.Input((3, 4)), Numbered()])
    first = model.layers[0].number
    with caplog.at_level("WARNING", "kerasbridge"):
        found = kb.predict(model, rows, 2, verbose=0)
    assert_equal(found, X + np.repeat(np.arange(67) + first + 1, 2)[:ROWS, None, None], 1e-5)
    assert "prediction ran eagerly: traced, the model predicts something else" in caplog.text
    np.testing.assert_array_equal(rows, X)
