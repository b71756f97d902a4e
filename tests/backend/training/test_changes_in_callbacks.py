"""Callbacks and settings that change what a step computes take effect at the next step, on every backend."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines.compile_cache import MAX_ENTRIES
from kerasbridge.keras_compat import keras
from kerasbridge.training.python_state import PythonState

layers, ops = keras.layers, keras.ops
X, Y = np.ones((8, 4), "float32"), np.zeros((8, 1), "float32")
PLAIN = {"batch_size": 4, "shuffle": False, "verbose": 0}


def on_epoch(change):
    return [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: change(epoch))]


class Scaled(keras.Model):
    """A model whose loss has a weight in an attribute; `_weight` is read by its own code alone."""

    weight, _weight = 1.0, 1.0

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.weight * self._weight * ops.mean(ops.square(y_pred))


def linear(loss="mse", cls=keras.Model):
    """Return a model that computes 4 for each row, and stays so: its learning rate is 0."""
    inputs = keras.Input((4,))
    model = cls(inputs, layers.Dense(1)(inputs))
    model.set_weights([np.ones((4, 1)), np.zeros(1)])
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


def test_plain_numbers_take_effect_at_the_next_step():
    weights = {"value": 1.0}
    model = linear(cls=Scaled)

    def change(epoch):
        model.weight, model._weight = float(min(epoch + 1, 2)), float(epoch + 2)  # at last, only the private one

    history = kb.fit(model, X, Y, epochs=3, callbacks=on_epoch(change), **PLAIN)
    assert history.history["loss"] == [32.0, 96.0, 128.0]
    model.weight = model._weight = 1.0
    assert kb.evaluate(model, X, Y, verbose=0) == 16.0

    closure = linear(lambda _, y_pred: weights["value"] * ops.mean(ops.square(y_pred)))
    batches = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: weights.update(value=3.0))
    assert kb.fit(closure, X, Y, callbacks=[batches], **PLAIN).history["loss"] == [32.0]  # 16 and 48


def test_numbers_of_regularizers_constraints_and_schedules_take_effect_at_the_next_step():
    regularizer, limit = keras.regularizers.L2(1.0), keras.constraints.MaxNorm(2.0)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.0, 1, 1.0)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(1, kernel_regularizer=regularizer, kernel_constraint=limit)]
    )
    model.set_weights([np.ones((4, 1)), np.zeros(1)])
    model.compile(keras.optimizers.SGD(schedule), lambda _, y_pred: 0 * y_pred[:, 0])

    def change(epoch):
        regularizer.l2 = float(epoch + 1)
        limit.max_value = 2.0 if epoch < 2 else 1.0
        schedule.initial_learning_rate = 0.125 if epoch == 3 else 0.0

    history = kb.fit(model, X, Y, epochs=4, callbacks=on_epoch(change), batch_size=8, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [4.0, 8.0, 12.0, 4.0], rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], 0.0, atol=1e-6)  # 0.5 - 0.125 * 2 * 4 * 0.5


def test_compile_in_a_callback_is_as_a_second_fit():
    def build():
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)])
        kb.reinitialize(model, 0)
        recompile(model)
        return model

    def recompile(model, optimizer=None):
        model.compile(optimizer or keras.optimizers.SGD(0.1), "mse", metrics=["mae"])

    y = np.arange(8, dtype="float32")[:, None]
    for optimizer in (keras.optimizers.SGD, keras.optimizers.Adam):
        one, two = build(), build()
        kb.fit(one, X, y, epochs=1, seed=0, **PLAIN)
        recompile(one, optimizer(0.05))
        expected = kb.fit(one, X, y, epochs=2, initial_epoch=1, seed=0, **PLAIN).history
        change = on_epoch(lambda epoch, two=two, cls=optimizer: recompile(two, cls(0.05)) if epoch == 1 else None)
        history = kb.fit(two, X, y, epochs=2, seed=0, callbacks=change, **PLAIN).history
        assert {name: values[1:] for name, values in history.items()} == expected
        for mine, other in zip(one.get_weights(), two.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_compile_with_the_same_optimizer_object_uses_the_new_loss():
    model = linear()
    assert kb.fit(model, X, Y, **PLAIN).history["loss"] == [16.0]
    model.compile(model.optimizer, "mae")
    assert kb.fit(model, X, Y, **PLAIN).history["loss"] == [4.0]


def test_another_optimizer_takes_effect():
    def step(model, batch):
        loss = ops.mean(ops.square(batch.y - model(batch.x)))
        return kb.Objective(loss, model, model.second)

    for attribute, used in (("optimizer", None), ("second", step)):
        model = linear()
        model.second = keras.optimizers.SGD(0.0)

        def change(epoch, model=model, attribute=attribute):
            if epoch == 1:
                setattr(model, attribute, keras.optimizers.SGD(0.01))

        losses = kb.fit(model, X, Y, epochs=3, step=used, callbacks=on_epoch(change), **PLAIN).history["loss"]
        assert losses[0] == 16.0
        assert losses[2] < losses[1] < 16.0


def test_settings_take_effect_in_a_model_that_was_compiled_before():
    model = keras.Sequential([keras.Input((1,)), layers.Activation("linear")])
    model.compile("sgd", "binary_crossentropy")
    ones, zeros = np.ones((8, 1), "float32"), np.zeros((8, 1), "float32")
    before, epsilon = kb.evaluate(model, ones, zeros, verbose=0), keras.config.epsilon()
    keras.config.set_epsilon(1e-3)
    try:
        assert kb.evaluate(model, ones, zeros, verbose=0) == pytest.approx(-np.log(1e-3), rel=1e-4)
    finally:
        keras.config.set_epsilon(epsilon)
    assert kb.evaluate(model, ones, zeros, verbose=0) == before


def test_the_precision_of_the_framework_takes_effect():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 40)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")

    def build():
        model = keras.Sequential([keras.Input((40,)), layers.Dense(64, "tanh"), layers.Dense(1)])
        kb.reinitialize(model, 0)
        model.compile(keras.optimizers.SGD(0.0), "mse")
        return model

    if keras.config.backend() == "torch":
        import torch

        scope = torch.autocast("cpu", torch.bfloat16)
    elif keras.config.backend() == "jax":
        import jax

        scope = jax.default_matmul_precision("bfloat16")
    else:
        pytest.skip("TensorFlow has no such setting on a CPU")
    exact, model = kb.fit(build(), x, y, **PLAIN).history["loss"], build()
    with scope:
        kb.fit(model, x, y, **PLAIN)
    assert kb.fit(model, x, y, **PLAIN).history["loss"] == exact


@pytest.mark.once
def test_functions_of_steps_that_are_gone_are_not_watched_for_ever():
    model = linear()
    for factor in range(MAX_ENTRIES + 8):
        kb.fit(model, X, Y, step=lambda model, batch, factor=factor: factor * ops.mean(model(batch.x)), **PLAIN)
    watched = PythonState.of(model, ())._functions
    assert len(watched) == MAX_ENTRIES
