"""`kb.fit`, `kb.evaluate` and `kb.predict` behave like `model.fit`, `evaluate` and `predict`, and as documented."""

import itertools
import logging
import random as python_random
import re
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.random import generator
from kerasbridge.training import progress, step_loop
from tests.backend.models import CASES, OnBatchEnd, Penalty, assert_same_state, cnn, mlp, seeded, state, twins

layers, ops = keras.layers, keras.ops
X, Y = CASES["MLP"].arrays(203)  # 25 batches of 8 and one of 3
BATCH_SIZE, STEPS = 8, 26
CLOSE = {"rtol": 1e-3, "atol": 1e-4}  # A few dozen steps: what test_equal_to_stock.py allows for 200, and tighter.
PLAIN = {"batch_size": BATCH_SIZE, "shuffle": False, "verbose": 0}


def equal_to_stock(build, *data, tolerance=CLOSE, **arguments):
    """Train a twin with stock `fit` and one with kerasbridge; assert that histories and states are equal."""
    stock, model = twins(build)
    expected = stock.fit(*data, **{**PLAIN, **arguments}).history
    history = kb.fit(model, *data, **{**PLAIN, **arguments})
    assert list(history.history) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(history.history[name], values, err_msg=name, **tolerance)
    assert_same_state(model, stock, **tolerance)
    return history


# Data -----------------------------------------------------------------------------------------------------------------


def test_a_ragged_last_batch_is_trained():
    equal_to_stock(mlp, X, Y, epochs=2)
    model = mlp()
    kb.fit(model, X, Y, **PLAIN)
    assert int(model.optimizer.iterations) == STEPS


def test_validation_split_takes_the_last_rows():
    split, by_hand = twins(mlp)
    at = int(203 * 0.7)
    one = kb.fit(split, X, Y, validation_split=0.3, **PLAIN)
    two = kb.fit(by_hand, X[:at], Y[:at], validation_data=(X[at:], Y[at:]), **PLAIN)
    assert one.history == two.history
    assert_same_state(split, by_hand)


def test_validation_equals_stock():
    equal_to_stock(mlp, X, Y, epochs=2, validation_split=0.25)


def test_weights_of_the_validation_equal_stock():
    weights = np.linspace(0, 2, 50).astype("float32")
    seen, count = [], keras.callbacks.Callback()
    count.on_test_batch_end = lambda batch, logs=None: seen.append(batch)
    held_out = {"validation_data": (X[:50], Y[:50], weights), "validation_batch_size": 20}
    equal_to_stock(mlp, X, Y, **held_out, callbacks=[count])
    assert seen == [0, 1, 2] * 2


def test_validation_freq_determines_the_validated_epochs():
    history = kb.fit(mlp(), X, Y, epochs=4, validation_split=0.2, validation_freq=2, **PLAIN).history
    assert (len(history["loss"]), len(history["val_loss"])) == (4, 2)


def test_sample_weight_equals_stock():
    weighted = partial(mlp, weighted_metrics=["accuracy"])
    equal_to_stock(weighted, X, Y, sample_weight=np.linspace(0, 2, 203).astype("float32"))


def test_class_weight_equals_stock():
    equal_to_stock(mlp, X, Y, class_weight={0: 0.1, 1: 1.0, 2: 3.0, 3: 1.0, 4: 0.0})


def test_nested_dicts_of_inputs_equal_stock():
    def build():
        inputs = {"pair": {"left": keras.Input((4,)), "right": keras.Input((8,))}}
        joined = layers.concatenate([inputs["pair"]["left"], inputs["pair"]["right"]])
        model = keras.Model(inputs, layers.Dense(5, activation="softmax")(joined))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    equal_to_stock(build, {"pair": {"left": X[:, :4], "right": X[:, 4:]}}, Y)


def test_a_model_without_y_trains_on_its_added_loss():
    def build():
        model = keras.Sequential([keras.Input((12,)), layers.Dense(4), Penalty()])
        model.compile("adam")
        return model

    history = equal_to_stock(build, X, epochs=2)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_tensors_of_the_backend_are_taken_as_arrays():
    one, two = twins(mlp)
    kb.fit(one, X, Y, **PLAIN)
    kb.fit(two, ops.convert_to_tensor(X), ops.convert_to_tensor(Y), **PLAIN)
    assert_same_state(two, one)


def test_float64_arrays_become_floatx_as_in_keras():
    one, two = twins(mlp)
    kb.fit(one, X, Y, **PLAIN)
    kb.fit(two, X.astype("float64"), Y, **PLAIN)
    assert_same_state(two, one)


def test_the_users_arrays_are_left_alone():
    x, y = X.copy(), Y.copy()
    x.flags.writeable = y.flags.writeable = False
    kb.fit(mlp(), x, y, batch_size=8, verbose=0)
    np.testing.assert_array_equal(x, X)


# Order and seeds ------------------------------------------------------------------------------------------------------


def seen_rows(epochs, **arguments):
    """Return the rows in the order of training: their losses are their numbers."""
    rows, seen = 40, []
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mean_absolute_error")

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append([])

        def on_train_batch_end(self, batch, logs=None):
            seen[-1].append(round(float(logs["loss"]) * (batch + 1)) - sum(seen[-1]))

    numbers = np.arange(rows, dtype="float32").reshape(-1, 1)
    kb.fit(model, numbers, numbers, 1, epochs, verbose=0, callbacks=[Watch()], **arguments)
    return seen


def test_the_order_of_rows_is_the_permutation_of_seed_and_epoch():
    assert seen_rows(3, seed=5) == [generator.permutation(5, epoch, 40).tolist() for epoch in range(3)]


def test_a_later_initial_epoch_sees_the_order_of_its_epoch():
    assert seen_rows(3, seed=5, initial_epoch=2) == [generator.permutation(5, 2, 40).tolist()]


def test_without_shuffle_rows_keep_their_order():
    assert seen_rows(2, seed=5, shuffle=False) == [[*range(40)]] * 2


def test_without_a_seed_python_random_determines_the_order():
    python_random.seed(9)
    first = seen_rows(1)
    python_random.seed(9)
    assert seen_rows(1) == first
    assert seen_rows(1) != first


@pytest.mark.once
def test_python_random_is_drawn_from_only_to_shuffle():
    def batches():
        while True:
            yield X[:8], Y[:8]

    def draws(*data, **options):
        python_random.seed(9)
        before = python_random.getstate()
        kb.fit(model, *data, steps_per_epoch=2, verbose=0, **options)
        return python_random.getstate() != before

    model = mlp()
    assert draws(X, Y)
    assert not draws(X, Y, shuffle=False)
    assert not draws(batches())


def test_one_seed_gives_one_result_and_another_another():
    models = [seeded(partial(mlp, rate=0.4)) for _ in range(3)]
    histories = [kb.fit(m, X, Y, 8, 2, verbose=0, seed=s).history for m, s in zip(models, (5, 5, 6), strict=True)]
    assert histories[0] == histories[1] != histories[2]
    assert_same_state(models[0], models[1])


def test_the_history_contains_the_seed():
    assert kb.fit(mlp(), X, Y, verbose=0, seed=5).params["seed"] == 5
    fresh = kb.fit(mlp(), X, Y, verbose=0).params["seed"]
    assert 0 <= fresh < 2**31


def test_initial_epoch_trains_only_the_remaining_epochs():
    model = mlp()
    history = kb.fit(model, X, Y, epochs=5, initial_epoch=3, **PLAIN)
    assert history.epoch == [3, 4]
    assert int(model.optimizer.iterations) == 2 * STEPS


@pytest.mark.parametrize("arguments", [{"epochs": 0}, {"epochs": 2, "initial_epoch": 2}])
def test_nothing_left_to_train_is_not_an_error(arguments):
    model, untouched = seeded(mlp), seeded(mlp)
    assert kb.fit(model, X, Y, **PLAIN, **arguments).history == {}
    np.testing.assert_array_equal(model.get_weights()[0], untouched.get_weights()[0])


@pytest.mark.once
def test_keras_limits_the_number_of_epochs(monkeypatch):
    monkeypatch.setattr(keras.config, "max_epochs", lambda: 2)
    with pytest.warns(UserWarning, match="Limiting epochs to 2"):
        assert kb.fit(mlp(), X[:16], Y[:16], epochs=3, **PLAIN).epoch == [0, 1]
    assert kb.fit(mlp(), X[:16], Y[:16], epochs=1, **PLAIN).epoch == [0]


@pytest.mark.once
def test_steps_are_rounded_up_to_whole_executions():
    model = mlp(steps_per_execution=3)
    kb.fit(model, X, Y, steps_per_epoch=4, **PLAIN)
    assert int(model.optimizer.iterations) == 6


# Compiled steps -------------------------------------------------------------------------------------------------------


def compiled(model):
    return list(model.__dict__[step_loop.COMPILED].values())


def test_a_second_fit_compiles_nothing():
    model = mlp()
    kb.fit(model, X, Y, validation_split=0.2, **PLAIN)
    before = compiled(model)
    kb.fit(model, X, Y, validation_split=0.2, **PLAIN)
    assert len(before) == 4  # training and validation, each with a full and a smaller batch
    assert all(one is other for one, other in zip(compiled(model), before, strict=True))


def test_native_and_portable_random_numbers_share_no_compiled_step():
    model = mlp()
    kb.fit(model, X, Y, **PLAIN)
    before = len(compiled(model))
    kb.fit(model, X, Y, rng="native", **PLAIN)
    assert len(compiled(model)) == 2 * before


def test_a_second_fit_does_not_run_the_layers_as_python_again():
    calls = []

    class Counting(layers.Layer):
        def call(self, inputs):
            calls.append(1)
            return inputs * 1.0

    model = keras.Sequential([keras.Input((12,)), Counting(), layers.Dense(1)])
    model.compile("adam", "mse")
    kb.fit(model, X, Y, **PLAIN)
    before = len(calls)
    kb.fit(model, X, Y, **PLAIN)
    assert len(calls) == before


def test_freezing_a_layer_takes_effect_in_the_next_fit():
    model = mlp()
    kb.fit(model, X, Y, **PLAIN)
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    frozen, free = (layer.get_weights()[0] for layer in (model.layers[0], model.layers[-1]))
    kb.fit(model, X, Y, **PLAIN)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen)
    assert (model.layers[-1].get_weights()[0] != free).any()


def test_another_loss_takes_effect_in_the_next_fit():
    # Without metrics: Keras continues to update those of the first compile.
    stock, model = twins(partial(mlp, metrics=None))
    for one, fit in ((stock, stock.fit), (model, partial(kb.fit, model))):
        fit(X, Y, **PLAIN)
        one.compile("sgd", "mse")
        fit(X, np.eye(5, dtype="float32")[Y], **PLAIN)
    assert_same_state(model, stock, **CLOSE)


def test_another_learning_rate_takes_effect_in_the_next_fit():
    model = mlp()
    kb.fit(model, X, Y, **PLAIN)
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()[0]
    kb.fit(model, X, Y, **PLAIN)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_weights_set_between_two_fits_are_where_the_next_starts():
    model, fresh = seeded(mlp), seeded(mlp)
    start = model.get_weights()
    kb.fit(model, X, Y, **PLAIN)
    model.set_weights(start)
    model.optimizer = None
    for one in (model, fresh):
        one.compile("sgd", "sparse_categorical_crossentropy")
        kb.fit(one, X, Y, **PLAIN)
    np.testing.assert_array_equal(model.get_weights()[0], fresh.get_weights()[0])


def test_other_data_of_the_same_shape_is_trained_on():
    model, other = seeded(mlp), seeded(mlp)
    for data in (X, X[::-1]):
        kb.fit(model, data, Y, **PLAIN)
    for data in (X, X):
        kb.fit(other, data, Y, **PLAIN)
    assert (model.get_weights()[0] != other.get_weights()[0]).any()


# Optimizers -----------------------------------------------------------------------------------------------------------


def scheduled():
    schedule = keras.optimizers.schedules.CosineDecay(1e-2, 30)
    return mlp(optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01, clipnorm=0.5))


def with_momentum():
    return mlp(optimizer=keras.optimizers.SGD(0.05, momentum=0.9))


def plain_sgd():
    return mlp(optimizer=keras.optimizers.SGD(0.05, global_clipnorm=1.0))


@pytest.mark.parametrize("build", [scheduled, with_momentum, plain_sgd])
def test_optimizers_equal_stock(build):
    equal_to_stock(build, X, Y, epochs=2)


@pytest.mark.parametrize("build", [scheduled, with_momentum, plain_sgd])
def test_optimizers_run_compiled(build):
    history = kb.fit(build(), X, Y, **PLAIN)
    assert history.params["execution"] in ("looped", "traced", "jit")


def accumulating():
    return mlp(optimizer=keras.optimizers.Adam(0.01, gradient_accumulation_steps=4))


def averaging():
    return mlp(optimizer=keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=5))


@pytest.mark.parametrize("build", [accumulating, averaging])
def test_gradient_accumulation_and_moving_averages_equal_stock(build):
    equal_to_stock(build, X, Y, epochs=2)


class NotJitted(layers.Dense):
    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.supports_jit = False


NO_JIT = {
    "jit_compile=False": (layers.Dense, False),
    "the layer 'mine' (NotJitted) cannot be jitted: its supports_jit is False": (NotJitted, "auto"),
}


@pytest.mark.parametrize("reason", NO_JIT)
def test_without_jit_a_model_runs_eagerly_on_jax_alone(backend, reason):
    layer, jit_compile = NO_JIT[reason]
    model = keras.Sequential([keras.Input((12,)), layer(1, name="mine")])
    model.compile("sgd", "mse", jit_compile=jit_compile)
    params = kb.fit(model, X[:8], X[:8, :1], **PLAIN).params
    if backend == "jax":
        assert params["execution"] == "eager"
        assert params["execution_reason"] == reason
    else:
        assert params["execution"] in ("looped", "traced")


def test_run_eagerly_has_the_same_result():
    compiled_model, eager = seeded(partial(mlp, rate=0.3)), seeded(partial(mlp, rate=0.3, run_eagerly=True))
    kb.fit(compiled_model, X[:60], Y[:60], seed=2, **PLAIN)
    history = kb.fit(eager, X[:60], Y[:60], seed=2, **PLAIN)
    assert history.params["execution"] == "eager"
    assert history.params["execution_reason"] == "run_eagerly=True"
    assert_same_state(eager, compiled_model, **CLOSE)


class OwnStep(keras.Sequential):
    """A model that counts its training steps in Python."""

    steps = 0

    def train_step(self, *arguments, **keywords):
        OwnStep.steps += 1
        return super().train_step(*arguments, **keywords)


def test_a_model_with_a_custom_train_step_is_trained_by_keras_with_one_log_line(caplog):
    model = OwnStep([keras.Input((12,)), layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        history = kb.fit(model, X, Y, epochs=2, validation_split=0.2, **PLAIN)
    assert OwnStep.steps > 0
    assert [*history.history] == ["loss", "val_loss"]
    assert [record.getMessage() for record in caplog.records] == [
        "kerasbridge: OwnStep overrides train_step, so it trains through model.fit."
    ]


class OwnTestStep(keras.Sequential):
    """Validates by a step of its own."""

    def test_step(self, *arguments, **keywords):
        return super().test_step(*arguments, **keywords)


@pytest.mark.once
def test_a_model_with_a_custom_test_step_is_only_validated_by_keras(caplog):
    model = OwnTestStep([keras.Input((12,)), layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    assert "execution" in kb.fit(model, X[:40], Y[:40], **PLAIN).params
    assert caplog.messages == []
    assert "execution" not in kb.fit(model, X[:40], Y[:40], validation_split=0.2, **PLAIN).params
    assert caplog.messages == ["kerasbridge: OwnTestStep overrides test_step, so it trains through model.fit."]


def test_a_step_that_is_wrong_raises_the_models_own_error():
    class Wrong(layers.Layer):
        def call(self, inputs, training=False):
            if training:
                raise RuntimeError("layer failed")
            return inputs

    model = keras.Sequential([keras.Input((12,)), Wrong(), layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(RuntimeError, match="layer failed"):
        kb.fit(model, X, Y, **PLAIN)


# Callbacks ------------------------------------------------------------------------------------------------------------


HOOKS = [
    *(f"on_{kind}_{when}" for kind in ("train", "test", "predict") for when in ("begin", "end")),
    *(f"on_{kind}_batch_{when}" for kind in ("train", "test", "predict") for when in ("begin", "end")),
    "on_epoch_begin",
    "on_epoch_end",
]


class Calls(keras.callbacks.Callback):
    """Record every hook with its batch or epoch and the names of its logs."""

    def __init__(self):
        super().__init__()
        self.seen = []
        for hook in HOOKS:
            setattr(self, hook, partial(self.note, hook))

    def note(self, hook, *arguments, logs=None):
        index = [argument for argument in arguments if isinstance(argument, int)]
        given = [argument for argument in (*arguments, logs) if isinstance(argument, dict)]
        self.seen.append((hook, index, [sorted(names) for names in given if names]))


@pytest.mark.parametrize("arguments", [{}, {"validation_split": 0.2}, {"validation_split": 0.2, "validation_freq": 2}])
def test_callbacks_are_called_in_keras_order(arguments):
    expected, seen = Calls(), Calls()
    stock, model = twins(mlp)
    stock.fit(X, Y, epochs=2, callbacks=[expected], **PLAIN, **arguments)
    kb.fit(model, X, Y, epochs=2, callbacks=[seen], **PLAIN, **arguments)
    assert len(seen.seen) > 2 * STEPS
    assert seen.seen == expected.seen


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_callbacks_of_evaluate_and_predict_are_called_in_keras_order(call):
    expected, seen = Calls(), Calls()
    stock, model = twins(mlp)
    data = (X, Y) if call == "evaluate" else (X,)
    getattr(stock, call)(*data, batch_size=8, verbose=0, callbacks=[expected])
    getattr(kb, call)(model, *data, batch_size=8, verbose=0, callbacks=[seen])
    assert seen.seen == expected.seen


@pytest.mark.once
@pytest.mark.parametrize("steps", [1, 4])
def test_callbacks_of_predict_receive_the_outputs_of_their_batches(steps):
    seen, look = [], keras.callbacks.Callback()
    look.on_predict_batch_end = lambda batch, logs: seen.append(ops.convert_to_numpy(logs["outputs"]))
    outputs = kb.predict(mlp(steps_per_execution=steps), X, 8, verbose=0, callbacks=[look])
    assert len(seen) == -(-STEPS // steps)
    np.testing.assert_array_equal(np.concatenate(seen), outputs)


def test_callbacks_have_the_params_of_keras():
    params = []
    for fit in (mlp().fit, partial(kb.fit, mlp())):
        begin = keras.callbacks.LambdaCallback()
        begin.on_train_begin = lambda logs=None, callback=begin: params.append(dict(callback.params))
        fit(X, Y, epochs=2, callbacks=[begin], **PLAIN)
    assert params[1] == params[0]


def test_early_stopping_stops_and_restores_the_best_weights():
    best = {}

    def keep(epoch, logs):
        if logs["val_loss"] < best.get("loss", np.inf):
            best.update(loss=logs["val_loss"], weights=model.get_weights())

    model = mlp(optimizer=keras.optimizers.Adam(0.05))
    early = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=keep), early]
    history = kb.fit(model, X, Y, epochs=40, validation_split=0.3, callbacks=callbacks, **PLAIN)
    assert len(history.epoch) < 40
    for weights, expected in zip(model.get_weights(), best["weights"], strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_stop_training_in_a_batch_hook_stops_at_once():
    def stop(model, step):
        model.stop_training = step == 4

    model = mlp()
    history = kb.fit(model, X, Y, epochs=3, callbacks=[OnBatchEnd(stop)], **PLAIN)
    assert int(model.optimizer.iterations) == 5
    assert history.epoch == [0]
    assert kb.fit(model, X, Y, epochs=2, **PLAIN).epoch == [0, 1]


@pytest.mark.parametrize(
    "callback",
    [
        lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        lambda: keras.callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=10.0, cooldown=0),
    ],
)
def test_callbacks_can_change_the_learning_rate(callback):
    stock, model = twins(mlp)
    rates = stock.fit(X, Y, epochs=3, callbacks=[callback()], **PLAIN).history["learning_rate"]
    history = kb.fit(model, X, Y, epochs=3, callbacks=[callback()], **PLAIN).history
    assert rates[-1] < rates[0]
    np.testing.assert_allclose(history["learning_rate"], rates, rtol=1e-6)
    assert_same_state(model, stock, **CLOSE)


def test_a_batch_hook_sees_the_variables_as_of_its_step():
    iterations, kernels = [], []

    def look(model, step):
        iterations.append(int(model.optimizer.iterations))
        kernels.append(model.get_weights()[0].tobytes())

    kb.fit(mlp(), X, Y, callbacks=[OnBatchEnd(look)], **PLAIN)
    assert iterations == [*range(1, STEPS + 1)]
    assert len(set(kernels)) == STEPS


def test_values_written_by_a_batch_hook_are_trained_on():
    def reset(model, step):
        if step == STEPS - 2:
            model.set_weights([np.zeros_like(value) for value in model.get_weights()])

    model = mlp(optimizer=keras.optimizers.SGD(1e-3))
    kb.fit(model, X, Y, callbacks=[OnBatchEnd(reset)], **PLAIN)
    assert 0 < max(np.abs(value).max() for value in model.get_weights()) < 1e-2


def test_a_callback_that_raises_leaves_the_model_as_of_its_step():
    def fail(model, step):
        if step == 5:
            raise OSError("disk full")

    model, other = twins(mlp)
    with pytest.raises(OSError, match="disk full"):
        kb.fit(model, X, Y, callbacks=[OnBatchEnd(fail)], **PLAIN)
    kb.fit(other, X[:48], Y[:48], **PLAIN)
    assert_same_state(model, other)
    history = kb.fit(model, X, Y, epochs=2, **PLAIN).history
    assert history["loss"][1] < history["loss"][0]


@pytest.mark.parametrize(
    "build", [mlp, cnn, pytest.param(partial(mlp, run_eagerly=True), id="eager", marks=pytest.mark.once)]
)
def test_terminate_on_nan_stops_at_the_bad_step(build, capsys):
    case = CASES["CNN with BatchNorm" if build is cnn else "MLP"]
    x, y = case.arrays(160)
    weights = np.where(np.arange(160) == 8 * 13 + 3, np.nan, 1.0)  # in x, TensorFlow's relu would make it 0
    model = build()
    history = kb.fit(
        model, x, y, epochs=2, sample_weight=weights, callbacks=[keras.callbacks.TerminateOnNaN()], **PLAIN
    )
    assert int(model.optimizer.iterations) == 14
    assert history.epoch == [0]
    assert "Batch 13: Invalid loss" in capsys.readouterr().out


def test_without_terminate_on_nan_training_continues_as_in_keras():
    model, weights = mlp(), np.where(np.arange(203) == 20, np.nan, 1.0)
    history = kb.fit(model, X, Y, epochs=2, sample_weight=weights, **PLAIN).history
    assert int(model.optimizer.iterations) == 2 * STEPS
    assert np.isnan(history["loss"]).all()


def test_model_checkpoint_writes_what_can_be_read_again(tmp_path):
    path, model = tmp_path / "{epoch}.weights.h5", mlp()
    saver = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    kb.fit(model, X, Y, epochs=2, callbacks=[saver], **PLAIN)
    other = mlp()
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "2.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    assert (tmp_path / "1.weights.h5").exists()


def test_verbose_0_prints_nothing(capsys):
    kb.fit(mlp(), X, Y, validation_split=0.2, verbose=0)
    kb.evaluate(mlp(), X, Y, verbose=0)
    kb.predict(mlp(), X, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_verbose_2_prints_a_line_per_epoch(capsys, monkeypatch):
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=itertools.count().__next__))  # 1 s per epoch
    kb.fit(mlp(), X, Y, epochs=2, validation_split=0.2, verbose=2)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Epoch 1/2  1.0 s  162 samples/s  loss")
    assert second.startswith("Epoch 2/2  1.0 s  162 samples/s  loss")
    assert "val_accuracy" in second
    assert progress._line("Epoch 1/2", 0.02345, 100, {}) == "Epoch 1/2  23.4 ms  4,264 samples/s"


@pytest.mark.once
def test_in_a_notebook_the_line_of_a_pass_is_updated_in_place(monkeypatch):
    lines = []

    class Handle:
        def __init__(self, data, raw, display_id):
            lines.append([data["text/plain"]])

        def update(self, data, raw):
            lines[-1].append(data["text/plain"])

    monkeypatch.setattr(pytest.importorskip("IPython.display"), "display", Handle)
    monkeypatch.setattr(progress, "Console", partial(Console, force_jupyter=True))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_FRAMES", 0)
    model = mlp()
    kb.fit(model, X, Y, epochs=2, validation_split=0.2)
    kb.evaluate(model, X, Y)
    kb.predict(model, X)
    titles = ["Epoch 1/2", "Epoch 2/2", "Evaluate", "Predict"]
    assert [first for first, *_ in lines] == titles
    for title, (_, line, *_) in zip(titles, lines, strict=True):
        assert re.match(f"{title}  [━─]{{24}} [0-9]+/[0-9]+  ", line)
    assert [re.sub(r"  .*", "", line[-1]) for line in lines] == titles
    assert "val_accuracy" in lines[1][-1]
    assert "accuracy" in lines[2][-1]


# Evaluate and predict -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["MLP", "CNN with BatchNorm", "two inputs, two outputs"])
def trained(request):
    """A model with nontrivial moving statistics, and data with a smaller last batch."""
    case = CASES[request.param]
    model = seeded(case.build)
    model.fit(*case.arrays(64), verbose=0)
    # Stock Keras on TensorFlow does not weight the losses of several outputs by the size of the last batch.
    ragged = keras.config.backend() != "tensorflow" or request.param != "two inputs, two outputs"
    return model, *case.arrays(75 if ragged else 72)


def test_evaluate_equals_stock(trained):
    model, x, y = trained
    before = state(model)
    expected = model.evaluate(x, y, batch_size=8, verbose=0)
    np.testing.assert_allclose(kb.evaluate(model, x, y, 8, verbose=0), expected, rtol=1e-5)
    for name, value in state(model).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_the_losses_of_several_outputs_add_up_to_the_loss_with_a_ragged_last_batch():
    case = CASES["two inputs, two outputs"]
    found = kb.evaluate(case.build(), *case.arrays(75), 8, verbose=0, return_dict=True)
    assert found["kind_loss"] + 0.3 * found["size_loss"] == pytest.approx(found["loss"], rel=1e-5)


def test_evaluate_as_a_dict_equals_stock(trained):
    model, x, y = trained
    expected = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    found = kb.evaluate(model, x, y, 8, verbose=0, return_dict=True)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert isinstance(found[name], float)
        assert found[name] == pytest.approx(value, rel=1e-5), name


def test_predict_equals_stock(trained):
    model, x, _ = trained
    expected, found = model.predict(x, 8, verbose=0), kb.predict(model, x, 8)
    keras.tree.assert_same_structure(found, expected)
    for one, other in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        assert type(one) is np.ndarray
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.once
def test_steps_end_evaluate_and_predict():
    model = mlp()
    assert kb.evaluate(model, X, Y, 8, steps=3, verbose=0) == kb.evaluate(model, X[:24], Y[:24], 8, verbose=0)
    np.testing.assert_array_equal(kb.predict(model, X, 8, steps=3), kb.predict(model, X[:24], 8))


def test_evaluate_with_weights_equals_stock():
    model, weights = mlp(weighted_metrics=["accuracy"]), np.linspace(0, 2, 203).astype("float32")
    expected = model.evaluate(X, Y, 8, verbose=0, sample_weight=weights)
    np.testing.assert_allclose(kb.evaluate(model, X, Y, 8, verbose=0, sample_weight=weights), expected, rtol=1e-5)


def test_evaluate_of_a_model_without_metrics_is_a_number():
    model = mlp(metrics=None)
    found = kb.evaluate(model, X, Y, verbose=0)
    assert np.ndim(found) == 0
    assert found == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)


@pytest.mark.parametrize("first", [pytest.param([], id="not built"), pytest.param([keras.Input((12,))], id="built")])
def test_a_model_that_is_not_compiled_predicts(first):
    model = keras.Sequential([*first, layers.Dense(5)])
    found = kb.predict(model, X)
    np.testing.assert_allclose(found, X @ model.get_weights()[0], rtol=1e-4, atol=1e-5)


def test_dropout_is_off_in_evaluate_and_predict():
    model = mlp(rate=0.9)
    np.testing.assert_array_equal(kb.predict(model, X), kb.predict(model, X))
    assert kb.evaluate(model, X, Y, verbose=0) == kb.evaluate(model, X, Y, verbose=0)


def test_predict_after_fit_uses_the_trained_weights():
    model = mlp()
    before = kb.predict(model, X)
    kb.fit(model, X, Y, **PLAIN)
    after = kb.predict(model, X)
    assert (before != after).any()
    np.testing.assert_allclose(after, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_model_built_by_its_first_fit_trains_as_stock():
    def build():
        model = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(5, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    with kb.seed_everything(4):
        stock = build()
        stock.fit(X, Y, **PLAIN)
    with kb.seed_everything(4):
        model = build()
        kb.fit(model, X, Y, **PLAIN)
    assert_same_state(model, stock, **CLOSE)


def test_a_token_that_occurs_twice_in_a_batch_moves_as_far_as_any_other():
    """The first step of Adam has the size of the learning rate, also for sparse gradients, as on TensorFlow."""
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), keras.layers.Embedding(4, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01, epsilon=1e-12), "mse")
    before = model.get_weights()[0]
    kb.fit(model, np.array([[1, 2, 1], [1, 1, 3]], "int32"), np.array([5.0, -3.0]), verbose=0)
    np.testing.assert_allclose(np.abs(model.get_weights()[0] - before)[1:], 0.01, rtol=1e-4)


@pytest.mark.parametrize("how", ["built before", "native"])
def test_a_model_that_fit_builds_starts_from_the_weights_of_stock(how):
    def start(fit, build=False):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([layers.Dense(3), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.0), "mse")
        if build:
            model.build((64, 4))
        fit(model, np.ones((64, 4)), np.ones((64, 1)), verbose=0)
        return model.get_weights()[0]

    stock = start(keras.Model.fit)
    native = {"rng": "native"} if how == "native" else {}
    np.testing.assert_array_equal(start(partial(kb.fit, **native), build=not native), stock)
    assert (start(kb.fit) != stock).all()
