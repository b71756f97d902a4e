"""A loss or gradient that is NaN or infinite is shown, named, stopped at or skipped, on every backend the same."""

import logging

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.checkpoint import files
from kerasbridge.errors import ArgumentError, DeviceMemoryError, NonFiniteError
from kerasbridge.keras_compat import keras
from kerasbridge.training.nonfinite_cause import weight_cause

ROWS, BATCH_SIZE = 60, 10
RNG = np.random.default_rng(0)
X, Y = RNG.random((ROWS, 6)).astype("float32"), RNG.integers(0, 3, ROWS)
BAD_X = np.where(np.arange(ROWS)[:, None] == 34, np.float32("nan"), X)  # in step 4


class RootOfZero(keras.layers.Layer):
    """Its output is finite, its gradient is not."""

    def call(self, x):
        return keras.ops.sqrt(x * 0.0) + x


class Logarithm(keras.layers.Layer):
    """Returns NaN."""

    def call(self, x):
        return keras.ops.log(-1.0 - keras.ops.abs(x))


def make_model(*layers):
    model = keras.Sequential([
        keras.Input((6,)),
        keras.layers.Dense(8, activation="relu", name="hidden"),
        *layers,
        keras.layers.Dense(3, activation="softmax", name="classes"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile="auto")
    kb.reinitialize(model, 0)
    return model


def own_step(model, batch):
    loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(batch.y, model(batch.x, training=True)))
    return loss, {"twice": 2 * loss}


def fit(model, x=X, **arguments):
    return kb.fit(model, x, Y, BATCH_SIZE, **{"epochs": 2, "verbose": 0, "shuffle": False, "seed": 0, **arguments})


def is_finite(model):
    return all(np.isfinite(weight).all() for weight in model.get_weights())


def test_nan_in_the_data_is_a_loss_of_nan_and_one_warning(caplog):
    model = make_model()
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        history = fit(model, BAD_X, validation_data=(X, Y))
    for losses in history.history["loss"], history.history["val_loss"]:
        assert np.isnan(losses).all()
    assert np.isnan(kb.evaluate(model, X, Y, verbose=0)[0])
    (message,) = caplog.messages
    assert "x contains 6 NaN and 0 infinite values, the first in row 34" in message
    caplog.clear()
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        kb.fit(make_model(), ((BAD_X[at : at + 10], Y[at : at + 10]) for at in range(0, 60, 10)), verbose=0)
    (message,) = caplog.messages
    for part in "x has 6 values that are NaN or infinite", "step 4", "epoch 1":
        assert part in message
    caplog.clear()
    fit(make_model(), BAD_X, on_nonfinite="ignore")
    assert not caplog.messages


@pytest.mark.parametrize(
    ("layers", "x", "named"),
    [
        ([], BAD_X, r"nan in step 4 of epoch 1: x has 6 values"),
        ([Logarithm(name="logarithm")], X, r"nan in step 1 of epoch 1: the output of the layer \S*logarithm"),
        ([RootOfZero()], X, r"gradient that is not in step 1 of epoch 1: the gradient of \S*hidden/kernel"),
    ],
)
def test_stop_names_step_and_cause_and_keeps_the_weights_before(layers, x, named):
    model = make_model(*layers)
    with pytest.raises(NonFiniteError, match=named):
        fit(model, x, on_nonfinite="stop")
    assert is_finite(model)
    if not layers:
        before = make_model()
        fit(before, epochs=1, steps_per_epoch=3)
        for one, other in zip(model.get_weights(), before.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_stop_keeps_the_checkpoint_before(tmp_path):
    later = np.concatenate([X, BAD_X])
    with pytest.raises(NonFiniteError, match="step 10 of epoch 1"):
        kb.fit(
            make_model(), later, np.concatenate([Y, Y]), BATCH_SIZE, verbose=0, shuffle=False, seed=0,
            run_dir=tmp_path / "run", checkpoint_every="3 steps", on_nonfinite="stop",
        )  # fmt: skip
    _, content = next(files.newest(tmp_path / "run"))
    assert content.state["position"]["step"] == 9
    assert all(np.isfinite(array).all() for array in content.arrays.values() if array.dtype.kind == "f")


@pytest.mark.parametrize("step", [None, own_step])
def test_skip_trains_as_without_the_batch(step, caplog):
    model, other = make_model(), make_model()
    history = fit(model, BAD_X, epochs=1, on_nonfinite="skip", step=step)
    assert history.params["skipped_steps"] == 1
    assert "skipped step 4 of epoch 1: x has 6 values" in caplog.text
    rows = [*range(30), *range(40, 60)]
    expected = kb.fit(other, X[rows], Y[rows], BATCH_SIZE, verbose=0, shuffle=False, seed=0, step=step)
    for one, another in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-4, atol=1e-6)
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-4)


@pytest.mark.parametrize("mode", ["stop", "skip", "ignore"])
def test_finite_runs_are_the_same_in_every_mode(mode):
    expected, history = fit(make_model()).history, fit(make_model(), on_nonfinite=mode).history
    if mode == "skip":
        np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    else:
        assert history == expected


def test_too_little_memory_names_batch_size_and_model(monkeypatch):
    model = make_model()

    def raise_error(*_):
        raise memory_error()

    class FullBlock:
        execution_mode, fallback_reason, variables = "eager", None, ()
        __call__ = raise_error

        def prepare(self, data, order): ...

    with monkeypatch.context() as patch:
        patch.setattr(type(engines.current()), "compile", lambda self, step: FullBlock())
        with pytest.raises(DeviceMemoryError, match=r"batch_size=10 and a model of 83 parameters \(332 bytes.*as 5"):
            fit(model)
    assert is_finite(model)


def test_a_run_without_memory_continues_from_its_checkpoint(tmp_path):
    class Fill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise memory_error()

    arguments = {"run_dir": tmp_path / "run", "resume": True}
    with pytest.raises(DeviceMemoryError, match=r"for the data and a model of 83 parameters"):
        fit(make_model(), callbacks=[Fill()], **arguments)
    model, undisturbed = make_model(), make_model()
    history = fit(model, **arguments)
    assert history.history == fit(undisturbed).history
    for one, other in zip(model.get_weights(), undisturbed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def memory_error():
    """Return the error of the framework."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    if keras.backend.backend() == "jax":
        import jax

        return jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 2 bytes.")
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def test_a_model_that_keras_trains_is_refused_where_it_cannot_be_stopped():
    class Own(keras.Model):
        def train_step(self, *arguments):
            return {}

    inputs = keras.Input((6,))
    model = Own(inputs, keras.layers.Dense(3)(inputs))
    model.compile("adam", "mse")
    with pytest.raises(ArgumentError, match="overrides train_step, received 'stop'"):
        fit(model, on_nonfinite="stop")


@pytest.mark.parametrize("device", ["cpu", "gpu:0"], ids=["on the host", "on the device"])
def test_weights_are_checked_with_the_same_answer_on_host_and_device(monkeypatch, device):
    engine = engines.current()
    monkeypatch.setattr(engine, "device_of", lambda tensor: device)
    numbers = np.ones((3, 4), "float32")
    found = []
    for wrong in (1.0, np.nan, np.inf, -np.inf):
        numbers[2, 3] = wrong
        variables = [
            keras.Variable([1, 2], dtype="int32", trainable=False),
            keras.Variable(1.0),
            keras.Variable(numbers, name="wrong"),
        ]
        found.append(weight_cause(engine, variables))
    assert found == [None, *["the variable wrong contains NaN or infinity"] * 3]
