"""On torch a run begins as Python and is compiled where that pays, without changing a bit."""

import os

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines.base import Estimate
from kerasbridge.errors import BackendError
from kerasbridge.keras_compat import keras
from kerasbridge.training.blocks import StepsLeft
from kerasbridge.training.compile_decision import CompileDecision

layers = keras.layers
RNG = np.random.default_rng(0)
SEQUENCES, IMAGES = RNG.normal(size=(52, 5, 3)).astype("float32"), RNG.normal(size=(52, 6, 6, 1)).astype("float32")
LABELS = RNG.integers(0, 3, 52)
TRACED_FROM = {"always": 0, "in the second epoch": 9, "never": 10**9}
ESTIMATE = Estimate(step=0.001, compilation=0.1)

on_torch = pytest.mark.skipif(keras.config.backend() != "torch", reason="other backends compile before the first step")


def decision(seconds_per_step=0.002):
    """A decision after the steps that are timed: a compilation pays if 156 steps are left."""
    made = CompileDecision("auto")
    made.record(1, 5.0)
    made.record(1, seconds_per_step)
    made.record(1, 7.0, ESTIMATE)
    return made


@pytest.mark.once
def test_a_compilation_pays_if_the_steps_left_save_more_than_it_costs():
    assert not decision().compiles(155)
    assert decision().compiles(157)
    assert not decision(seconds_per_step=ESTIMATE.step).compiles(10**9)


@pytest.mark.once
def test_where_the_end_is_not_known_as_many_steps_are_expected_as_there_have_been():
    waiting = decision()
    assert not waiting.compiles(None)
    waiting.record(150, 150 * 0.002)
    assert not waiting.compiles(None)
    waiting.record(10, 10 * 0.002)
    assert waiting.compiles(None)
    assert waiting.compiles(1)  # the next of many short runs of one model


@pytest.mark.once
def test_nothing_is_measured_or_compiled_before_it_is_timed_or_in_a_run_of_a_few_steps():
    waiting = CompileDecision("auto")
    for _ in range(2):
        assert (waiting.measures(100), waiting.compiles(100), waiting.limit(8)) == (False, False, 1)
        waiting.record(1, 0.002)
    assert waiting.measures(None)
    assert waiting.measures(100)
    assert not waiting.measures(3)
    assert waiting.limit(8) == 1
    waiting.at_once = True
    assert waiting.compiles(3)


@pytest.mark.once
def test_the_environment_decides_when_a_step_is_traced(monkeypatch):
    monkeypatch.setenv("KERASBRIDGE_TRACE", "never")
    never = CompileDecision()
    never.at_once = True
    assert (never.compiles(10**9), never.limit(8), never.measures(10**9)) == (False, 8, False)
    monkeypatch.setenv("KERASBRIDGE_TRACE", "always")
    assert CompileDecision().compiles(1)
    monkeypatch.setenv("KERASBRIDGE_TRACE", "sometimes")
    with pytest.raises(BackendError, match="always, auto or never; received 'sometimes'"):
        CompileDecision()


@pytest.mark.once
def test_steps_left_are_counted_for_each_size_of_batch():
    left = StepsLeft(per_epoch=11, done=2, epochs=3)
    assert left.of("full") == 9 + 3 * 9
    left.record("full", 8)
    assert left.of("full") == 1 + 3 * 9
    assert left.of("the smaller last batch") == 1 + 3 * 1
    assert StepsLeft(None, 0, 3).of("full") is None


def mlp():
    return [layers.Flatten(), layers.Dense(8, "relu"), layers.Dropout(0.4), layers.Dense(3)], SEQUENCES


def lstm():
    """A layer in one operation, and one that Keras loops over."""
    looped = layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1)
    return [layers.LSTM(4, return_sequences=True), looped, layers.Dense(3)], SEQUENCES


def cnn():
    return [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU(), layers.Flatten(), layers.Dense(3)], IMAGES


def own_step(model, batch):
    """A step with a value of its own."""
    error = keras.ops.mean(keras.ops.square(model(batch.x, training=True) - keras.ops.one_hot(batch.y, 3)))
    return error, {"root": keras.ops.sqrt(error)}


MODELS = {"MLP with dropout": (mlp, None), "LSTM": (lstm, None), "CNN": (cnn, None), "own step": (mlp, own_step)}


def trained(make, step, monkeypatch, first, epochs=3, **options):
    """Train with a trace after so many steps, and return the model with its history."""
    monkeypatch.setattr(CompileDecision, "compiles", lambda self, _: self._steps >= first)
    with kb.seed_everything(0):
        parts, x = make()
        model = keras.Sequential([keras.Input(x.shape[1:]), *parts])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    data = {"validation_data": (x[:20], LABELS[:20])} if step is None else {"step": step}
    history = kb.fit(model, x, LABELS, batch_size=8, epochs=epochs, seed=1, verbose=0, **data, **options)
    return model, history


def numbers(model, history):
    return [np.asarray(value) for value in (*model.get_weights(), *history.history.values())]


@on_torch
@pytest.mark.parametrize("name", MODELS)
def test_no_bit_depends_on_when_a_step_is_traced(name, monkeypatch):
    results = {when: trained(*MODELS[name], monkeypatch, first) for when, first in TRACED_FROM.items()}
    modes = {when: history.params["execution"] for when, (_, history) in results.items()}
    assert modes == {"always": "traced", "in the second epoch": "traced", "never": "eager"}
    assert all(history.params["execution_reason"] is None for _, history in results.values())
    expected = numbers(*results["always"])
    for result in results.values():
        assert all(np.array_equal(one, other) for one, other in zip(numbers(*result), expected, strict=True))


@on_torch
def test_a_continued_run_that_is_traced_at_another_step_ends_with_the_same_bits(monkeypatch, tmp_path):
    whole = trained(*MODELS["MLP with dropout"], monkeypatch, 0)
    options = {"run_dir": tmp_path / "run", "checkpoint_every": "1 epoch"}
    trained(*MODELS["MLP with dropout"], monkeypatch, 9, epochs=2, **options)
    continued = trained(*MODELS["MLP with dropout"], monkeypatch, 3, resume=True, **options)
    assert all(np.array_equal(*pair) for pair in zip(whole[0].get_weights(), continued[0].get_weights(), strict=True))


@on_torch
def test_many_short_fits_of_one_model_share_their_steps_and_their_trace(monkeypatch):
    seen = []
    monkeypatch.setattr(CompileDecision, "compiles", lambda self, _: seen.append(self._steps) or self._steps >= 8)
    model = keras.Sequential([keras.Input((5, 3)), *mlp()[0]])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ran = [kb.fit(model, SEQUENCES[:32], LABELS[:32], batch_size=8, verbose=0).params["execution"] for _ in range(5)]
    assert ran == ["eager", "eager", "traced", "traced", "traced"]
    assert max(seen) == 8


@on_torch
def test_a_layer_that_counts_its_calls_is_traced_at_its_second_step(monkeypatch):
    class Counting(layers.Layer):
        calls = 0

        def call(self, x):
            self.calls += 1
            return x

    monkeypatch.setattr(CompileDecision, "measures", lambda self, _: False)
    monkeypatch.setenv("KERASBRIDGE_TRACE", "auto")
    model = keras.Sequential([keras.Input((5, 3)), Counting(), *mlp()[0]])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert kb.fit(model, SEQUENCES, LABELS, batch_size=8, verbose=0).params["execution"] == "traced"


@on_torch
def test_this_suite_traces_at_once():
    assert os.environ["KERASBRIDGE_TRACE"] == "always"
