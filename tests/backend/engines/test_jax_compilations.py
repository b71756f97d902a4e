"""On JAX each program of a fit is compiled once, and nothing else: compiling is most of a short run."""

import contextlib

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.data import epoch_iterators, prefetch
from kerasbridge.keras_compat import keras

if keras.config.backend() != "jax":
    pytest.skip("programs of JAX", allow_module_level=True)

import jax

RNG = np.random.default_rng(0)
X, Y = RNG.random((77, 13), "float32"), RNG.random((77, 1), "float32")


@contextlib.contextmanager
def compiled():
    """Collect the names of the functions that are compiled."""
    names = []

    def listen(event, _, fun_name="", **__):
        if event.endswith("backend_compile_duration"):
            names.append(fun_name)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def model(*layers):
    model = keras.Sequential([keras.Input((13,)), *layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def steps(names):
    """Return the programs of steps, alone and in loops, in alphabetical order."""
    return sorted(name for name in names if name in ("jit(_while)", "jit(on_batch)", "jit(_one)"))


def test_arrays_take_a_program_for_each_batch_size_of_training_and_validation_and_are_copied_without_one():
    trained, x = model(), X.copy()
    with compiled() as names:
        kb.fit(trained, x, Y, batch_size=8, epochs=2, validation_data=(X[:21], Y[:21]), verbose=0)
    assert steps(names) == ["jit(_while)"] + ["jit(on_batch)"] * 3  # a batch that is alone takes no loop
    assert not [name for name in names if "stage" in name]


def test_the_stacks_of_a_stream_share_a_program_however_many_batches_they_have():
    batches = [(X[:8], Y[:8])] * 70  # a stack of 64 and one of 6
    with compiled() as names:
        kb.fit(model(), (batch for batch in batches), steps_per_epoch=70, verbose=0)
    assert steps(names) == ["jit(_while)"]


def test_evaluations_and_predictions_of_any_number_of_rows_share_programs():
    reshape, convolution = keras.layers.Reshape((13, 1)), keras.layers.Conv1D(2, 3)
    for trained, programs in ((model(), 2), (model(reshape, convolution, keras.layers.Flatten()), 1)):
        expected = {rows: trained.evaluate(X[:rows], Y[:rows], 1, verbose=0) for rows in (1, 3, 40, 70, 75)}
        with compiled() as names:
            losses = {rows: kb.evaluate(trained, X[:rows], Y[:rows], 1, verbose=0) for rows in expected}
        assert len(steps(names)) == programs  # of one batch, and without a convolution of 64 in a loop
        np.testing.assert_allclose(list(losses.values()), list(expected.values()), rtol=1e-5)
        with compiled() as names:
            predicted = [kb.predict(trained, X[:rows], 1, verbose=0) for rows in expected]
        assert len(steps(names)) == programs
        np.testing.assert_allclose(predicted[-1], trained.predict(X[:75], verbose=0), rtol=1e-5)


def test_an_array_on_the_device_does_not_share_the_memory_of_the_users():
    for offset in range(16):  # one of them has an address that JAX could share
        array = np.zeros(80, "float32")[offset : offset + 64]
        tensor = engines.current().to_device(array)
        array[:] = 1
        assert not np.asarray(tensor).any()


def test_validation_data_is_that_of_the_start_of_the_training(monkeypatch):
    for max_steps in (2, 64):  # in stacks on the device, and called one by one
        for module in (prefetch, epoch_iterators):
            monkeypatch.setattr(module, "MAX_STEPS", max_steps)
        x, y = X.copy(), Y.copy()
        change = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, x=x: x.fill(epoch))
        trained = model()
        trained.optimizer.learning_rate = 0.0
        history = kb.fit(trained, X, Y, epochs=3, validation_data=(x, y), verbose=0, callbacks=[change]).history
        assert len(set(history["val_loss"])) == 1
