"""In a long epoch on a CPU, TensorFlow loops over the steps in one XLA program, if that computes the same."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.data import sampler
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from tests.backend.models import BatchRecorder, assert_same_state

if keras.config.backend() != "tensorflow":
    pytest.skip("XLA in TensorFlow", allow_module_level=True)

import tensorflow as tf

layers = keras.layers
RNG = np.random.default_rng(0)
X, Y = RNG.random((83, 6, 4), "float32"), RNG.integers(0, 3, 83)  # 20 batches of 4 and one of 3


@pytest.fixture(autouse=True)
def long_from_20_steps(monkeypatch):
    monkeypatch.setattr(sampler, "LONG_EPOCH", 20)
    monkeypatch.delenv("KERASBRIDGE_FAST_PATHS", raising=False)


def build(*before):
    keras.utils.set_random_seed(0)
    with kb.seed_everything(0):
        model = keras.Sequential([*before, layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def mlp():
    return build(keras.Input((6, 4)), layers.Flatten(), layers.Dropout(0.2), layers.BatchNormalization())


def fit(model, x=X, y=Y, **arguments):
    return kb.fit(model, x, y, batch_size=4, seed=1, verbose=0, **{"epochs": 2, **arguments})


@pytest.mark.parametrize("layer", [layers.Flatten, lambda: layers.LSTM(5)])
def test_a_long_epoch_in_xla_ends_as_without_up_to_rounding(layer):
    model, other = (build(keras.Input((6, 4)), layer(), layers.Dropout(0.2)) for _ in range(2))
    history, expected = fit(model), fit(other, fast_paths=())
    assert (history.params["fast_paths"], expected.params["fast_paths"]) == (["fused-optimizer", "xla-loop"], [])
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-5)
    assert_same_state(other, model, rtol=1e-3, atol=1e-4)


def test_neither_the_steps_of_a_block_nor_streaming_changes_a_bit():
    model, live, streamed = mlp(), mlp(), mlp()
    expected = fit(model)
    for other, arguments in ((live, {"callbacks": [BatchRecorder()]}), (streamed, {"device_budget": 1})):
        history = fit(other, **arguments)
        assert history.params["fast_paths"] == ["fused-optimizer", "xla-loop"]
        assert history.history == expected.history
        assert_same_state(other, model)


def test_a_model_stays_out_of_xla_if_that_would_hide_an_error_or_be_slow_or_impossible():
    tokens = RNG.integers(0, 9, (83, 6))
    embedded = build(keras.Input((6,)), layers.Embedding(9, 2), layers.Flatten())
    assert fit(embedded, tokens, epochs=1).params["fast_paths"] == ["fused-optimizer"]
    with pytest.raises(DataError, match="contains the index 9 in row"):
        fit(embedded, tokens + 1, epochs=1)
    convolution = build(keras.Input((6, 4)), layers.Conv1D(2, 3), layers.Flatten())
    assert fit(convolution, epochs=1).params["fast_paths"] == ["fused-optimizer"]

    class Cut(layers.Layer):
        def call(self, x):
            part = x[:, : tf.cast(x[0, 0, 0] > -1, tf.int32) + 2]
            part.set_shape((None, 3, 4))
            return part

    cut = build(keras.Input((6, 4)), Cut(), layers.Flatten())
    history = fit(cut)
    assert history.params["fast_paths"] == ["fused-optimizer"]
    other = fit(build(keras.Input((6, 4)), Cut(), layers.Flatten()), fast_paths=["fused-optimizer"])
    assert history.history == other.history


def test_a_short_epoch_and_a_small_last_batch_are_not_compiled_by_xla():
    few = fit(mlp(), X[:79], Y[:79], epochs=1, validation_data=(X, Y), validation_batch_size=32)
    assert few.params["fast_paths"] == ["fused-optimizer"]
