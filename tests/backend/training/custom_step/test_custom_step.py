"""Custom training steps: their features, on every backend."""

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.engines import compile_cache
from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.training import step_loop
from tests.backend.models import CASES, BatchRecorder, assert_same_state, mlp, seeded, twins

layers, ops = keras.layers, keras.ops
X, Y = CASES["MLP"].arrays(203)  # 25 batches of 8 and one of 3
PLAIN = {"batch_size": 8, "shuffle": False, "verbose": 0}


def builtin(model, batch, training):
    """The default step of `kb.fit`."""
    predictions = model(batch.x, training=training)
    loss = model.compute_loss(batch.x, batch.y, predictions, batch.sample_weight, training=training)
    return loss, model.compute_metrics(batch.x, batch.y, predictions, batch.sample_weight)


def crossentropy(model, batch):
    """A minimal step."""
    return ops.mean(keras.losses.sparse_categorical_crossentropy(batch.y, model(batch.x, training=True)))


def linear(**compiled):
    """A model with one weight of 2 and one bias of 0: y = 2 x."""
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, kernel_initializer=keras.initializers.Constant(2.0))])
    if compiled:
        model.compile(**compiled)
    return model


def sgd(rate=0.1):
    return keras.optimizers.SGD(rate)


def numbers(rows=16):
    return np.linspace(-1, 1, rows, dtype="float32").reshape(rows, 1)


# Equal to the default step --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_the_default_step_written_as_a_custom_step_is_bit_identical(rate):
    one, own = twins(partial(mlp, rate=rate))
    arguments = {**PLAIN, "epochs": 2, "seed": 3, "validation_split": 0.2, "shuffle": True}
    expected, history = kb.fit(one, X, Y, **arguments), kb.fit(own, X, Y, step=builtin, **arguments)
    assert history.history == expected.history
    assert history.params["execution"] == expected.params["execution"]
    assert_same_state(own, one)


def test_every_batch_is_bit_identical_too():
    (one, own), (first, second) = twins(partial(mlp, rate=0.3)), (BatchRecorder(), BatchRecorder())
    kb.fit(one, X, Y, callbacks=[first], seed=1, **PLAIN)
    kb.fit(own, X, Y, callbacks=[second], seed=1, step=builtin, **PLAIN)
    assert second.logs == first.logs


def test_sample_weights_reach_the_step():
    one, own = twins(partial(mlp, weighted_metrics=["accuracy"]))
    weights = np.linspace(0, 2, 203).astype("float32")
    expected = kb.fit(one, X, Y, sample_weight=weights, **PLAIN).history
    assert kb.fit(own, X, Y, sample_weight=weights, step=builtin, **PLAIN).history == expected
    assert_same_state(own, one)


def test_results_do_not_depend_on_the_block_size():
    one, other = twins(partial(mlp, rate=0.3))
    kb.fit(one, X, Y, epochs=2, seed=1, step=crossentropy, **PLAIN)
    kb.fit(other, X, Y, epochs=2, seed=1, step=crossentropy, callbacks=[BatchRecorder()], **PLAIN)
    assert_same_state(one, other)


def test_run_eagerly_has_the_same_result():
    compiled, eager = seeded(partial(mlp, rate=0.3)), seeded(partial(mlp, rate=0.3, run_eagerly=True))
    kb.fit(compiled, X[:60], Y[:60], seed=2, step=crossentropy, **PLAIN)
    history = kb.fit(eager, X[:60], Y[:60], seed=2, step=crossentropy, **PLAIN)
    assert history.params["execution"] == "eager"
    assert_same_state(eager, compiled, rtol=1e-4, atol=1e-5)


def test_a_model_with_a_custom_train_step_uses_the_step_argument():
    class OwnStep(keras.Sequential):
        def train_step(self, *arguments, **keywords):
            raise AssertionError

    model = OwnStep([keras.Input((12,)), layers.Dense(5, activation="softmax")])
    model.compile("adam")
    assert kb.fit(model, X, Y, step=crossentropy, **PLAIN).history["loss"]


# Logs -----------------------------------------------------------------------------------------------------------------


def test_named_values_are_means_over_the_rows():
    def step(model, batch):
        return ops.mean(model(batch.x) ** 2), {"middle": ops.mean(batch.x), "rows": float(batch.x.shape[0])}

    x = np.arange(7, dtype="float32").reshape(7, 1)
    history = kb.fit(linear(optimizer=sgd(0.0)), x, batch_size=4, shuffle=False, verbose=0, step=step).history
    assert history["middle"] == pytest.approx([x.mean()])
    assert history["rows"] == pytest.approx([(4 * 4 + 3 * 3) / 7])
    assert history["loss"] == pytest.approx([(4 * x**2).mean()])


def test_each_epoch_has_its_own_means():
    def step(model, batch):
        return ops.mean(model(batch.x) ** 2)

    history = kb.fit(linear(optimizer=sgd()), numbers(), batch_size=16, epochs=3, verbose=0, step=step).history
    square = float((numbers() ** 2).mean())  # the loss is w^2 times it, and w shrinks by its gradient
    weights = [2 * (1 - 0.2 * square) ** epoch for epoch in range(3)]
    np.testing.assert_allclose(history["loss"], [weight**2 * square for weight in weights], rtol=1e-5)


def test_a_keras_metric_is_reported_as_it_counts():
    metric = keras.metrics.SparseCategoricalAccuracy()

    def step(model, batch):
        predictions = model(batch.x, training=True)
        metric.update_state(batch.y, predictions)
        loss = ops.mean(keras.losses.sparse_categorical_crossentropy(batch.y, predictions))
        return loss, {"right": metric}

    one, own = twins(mlp)
    expected = kb.fit(one, X, Y, epochs=2, **PLAIN).history["accuracy"]
    assert kb.fit(own, X, Y, epochs=2, step=step, **PLAIN).history["right"] == expected


def test_a_value_named_loss_is_replaced_by_the_loss():
    def step(model, batch):
        return ops.mean(model(batch.x) ** 2), {"loss": 7.0}

    assert kb.fit(linear(optimizer=sgd(0.0)), numbers(), verbose=0, step=step).history["loss"][0] != 7.0


# Validation and evaluation --------------------------------------------------------------------------------------------


def with_test(model, batch, training):
    loss = ops.mean(model(batch.x, training=training) ** 2)
    return loss, {"training": float(training)}


def test_a_step_that_takes_training_also_tests():
    history = kb.fit(linear(optimizer=sgd()), numbers(), validation_split=0.5, verbose=0, step=with_test).history
    assert (history["training"], history["val_training"]) == ([1.0], [0.0])


def test_testing_changes_no_weight():
    model = linear(optimizer=sgd())
    before = model.get_weights()
    loss, training = kb.evaluate(model, numbers(), verbose=0, step=with_test)
    assert (loss, training) == (pytest.approx(float((4 * numbers() ** 2).mean())), 0.0)
    assert kb.evaluate(model, numbers(), verbose=0, step=with_test, return_dict=True) == {"loss": loss, "training": 0.0}
    assert all((one == two).all() for one, two in zip(model.get_weights(), before, strict=True))


def test_a_loss_alone_is_a_number():
    def step(model, batch, training):
        return ops.mean(model(batch.x))

    assert kb.evaluate(linear(), np.ones((4, 1)), verbose=0, step=step) == pytest.approx(2.0)


def test_a_step_without_training_leaves_testing_to_the_models_own_loss():
    model, other = twins(mlp)
    kb.fit(other, X, Y, validation_data=(X, Y), **PLAIN)
    history = kb.fit(model, X, Y, validation_data=(X, Y), step=crossentropy, **PLAIN).history
    assert history["val_accuracy"] == other.history.history["val_accuracy"]


# Several losses -------------------------------------------------------------------------------------------------------


class Two(keras.Model):
    """Two linear models with an optimizer each."""

    def __init__(self):
        super().__init__()
        self.left, self.right = linear(), linear()
        self.left_optimizer, self.right_optimizer = sgd(0.1), sgd(0.2)


def both(model, batch):
    """Return one loss per model, each with its own target; the left loss depends on the right model too."""
    left, right = model.left(batch.x), model.right(batch.x)
    return {
        "left": kb.Objective(ops.mean(left * right), model.left, model.left_optimizer),
        "right": kb.Objective(ops.mean(right), model.right, model.right_optimizer),
    }


def test_each_loss_trains_what_it_names():
    model, ones = Two(), np.ones((4, 1), "float32")
    history = kb.fit(model, ones, batch_size=4, verbose=0, step=both)
    # Gradients at the weights before the step: of left, the output 2 of right; of right, 1.
    np.testing.assert_allclose(model.left.get_weights()[0], 2 - 0.1 * 2, rtol=1e-6)
    np.testing.assert_allclose(model.right.get_weights()[0], 2 - 0.2, rtol=1e-6)
    assert history.history == {"left_loss": [4.0], "right_loss": [2.0], "loss": [6.0]}


def test_two_losses_that_share_an_optimizer_are_one_update():
    def step(model, batch):
        return {
            name: kb.Objective(ops.mean(part(batch.x)), part, model.left_optimizer)
            for name, part in (("left", model.left), ("right", model.right))
        }

    model = Two()
    kb.fit(model, np.ones((4, 1)), batch_size=4, verbose=0, step=step)
    assert int(model.left_optimizer.iterations) == 1
    np.testing.assert_allclose([*model.left.get_weights(), *model.right.get_weights()][::2], [[[1.9]]] * 2, rtol=1e-6)


def test_one_loss_may_be_moved_by_two_optimizers():
    def step(model, batch):
        loss = ops.mean(model.right(model.left(batch.x)))
        return {
            "left": kb.Objective(loss, model.left, model.left_optimizer),
            "right": kb.Objective(loss, model.right, model.right_optimizer),
        }

    model = Two()
    kb.fit(model, np.ones((4, 1)), batch_size=4, verbose=0, step=step)
    np.testing.assert_allclose(model.left.get_weights()[0], 2 - 0.1 * 2, rtol=1e-6)
    np.testing.assert_allclose(model.right.get_weights()[0], 2 - 0.2 * 2, rtol=1e-6)


def test_a_model_is_trained_with_its_own_optimizer():
    def step(model, batch):
        return kb.Objective(ops.mean(model.left(batch.x)), model.left)

    model = Two()
    model.compile(sgd(0.1))
    model.left.compile(sgd(0.5))
    kb.fit(model, np.ones((4, 1)), batch_size=4, verbose=0, step=step)
    np.testing.assert_allclose(model.left.get_weights()[0], 1.5)


@pytest.mark.once
def test_the_optimizer_of_a_model_within_the_model_belongs_to_the_model(caplog):
    def step(model, batch):
        return kb.Objective(ops.mean(model.left(batch.x)), model.left)

    model = Two()
    model.left.compile(keras.optimizers.Adam(0.5))
    kb.fit(model, np.ones((4, 1)), batch_size=1, verbose=0, step=step)
    assert caplog.messages == []  # no variable is unknown to the model
    assert int(model.left.optimizer.iterations) == 4
    kb.reinitialize(model, 7)
    assert int(model.left.optimizer.iterations) == 0


def test_functions_run_in_turn_and_see_the_updates_of_the_previous_one():
    def left(model, batch):
        return {"left": kb.Objective(ops.mean(model.left(batch.x)), model.left, model.left_optimizer)}

    def right(model, batch):
        loss = ops.mean(model.left(batch.x) * model.right(batch.x))
        return {"right": kb.Objective(loss, model.right, model.right_optimizer)}, {"seen": model.left.weights[0][0, 0]}

    model = Two()
    history = kb.fit(model, np.ones((4, 1)), batch_size=4, verbose=0, step=[left, left, right]).history
    assert history["seen"] == pytest.approx([1.8])
    np.testing.assert_allclose(model.right.get_weights()[0], 2 - 0.2 * (1.8 - 0.2), rtol=1e-6)  # its bias is -0.2


def test_a_model_without_compile_trains_with_the_optimizers_it_names():
    model = linear()
    optimizer = sgd()

    def step(model, batch):
        return kb.Objective(ops.mean(model(batch.x)), optimizer=optimizer)

    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 1.9, rtol=1e-6)


def test_moving_averages_of_an_optimizer_end_as_in_the_built_in_step():
    one, own = twins(lambda: mlp(optimizer=keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)))
    kb.fit(one, X, Y, **PLAIN)
    kb.fit(own, X, Y, step=builtin, **PLAIN)
    assert_same_state(own, one)


@pytest.mark.once
def test_moving_averages_of_an_optimizer_that_only_the_step_names_end_in_the_weights():
    optimizer, compiled = (keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5) for _ in range(2))

    def step(model, batch):
        return kb.Objective(ops.mean(model(batch.x)), optimizer=None if model.compiled else optimizer)

    models = linear(), linear(optimizer=compiled)
    for model in models:
        kb.fit(model, np.ones((4, 1)), batch_size=2, verbose=0, step=step)
    weights = [model.get_weights()[0].item() for model in models]
    assert weights[0] == weights[1] != pytest.approx(1.8)


def test_a_scaled_loss_trains_like_an_unscaled_one():
    def build(scaled):
        return mlp(optimizer=keras.optimizers.LossScaleOptimizer(sgd()) if scaled else sgd())

    plain, scaled = seeded(partial(build, False)), seeded(partial(build, True))
    expected = kb.fit(plain, X, Y, step=crossentropy, **PLAIN).history["loss"]
    assert kb.fit(scaled, X, Y, step=crossentropy, **PLAIN).history["loss"] == pytest.approx(expected, rel=1e-5)


def test_plain_losses_of_functions_that_take_turns_add_up():
    def ten_times(model, batch):
        return 10 * ops.mean(model(batch.x))

    def once(model, batch):
        return ops.mean(model(batch.x))

    model = linear(optimizer=sgd(0.0))
    assert kb.fit(model, np.ones((4, 1)), verbose=0, step=[ten_times, once]).history["loss"] == [22.0]


def test_training_one_layer_leaves_the_models_optimizer_to_all():
    def last(model, batch):
        return kb.Objective(ops.mean(model(batch.x) ** 2), model.layers[-1])

    model = mlp()
    kb.fit(model, X, Y, step=last, **PLAIN)
    kb.fit(model, X, Y, **PLAIN)
    assert int(model.optimizer.iterations) == 2 * 26


def test_gradients_may_be_accumulated():
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    model = linear(optimizer=optimizer)
    kb.fit(model, np.ones((4, 1)), batch_size=1, verbose=0, step=lambda model, batch: ops.mean(model(batch.x)))
    np.testing.assert_allclose(model.get_weights()[0], 2 - 2 * 0.1, rtol=1e-6)


# Gradients inside a step ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaled", [False, pytest.param(True, marks=pytest.mark.once)])
def test_gradients_computed_by_the_step_are_applied(scaled):
    def step(model, batch):
        loss, gradients = kb.value_and_grad(lambda: ops.mean(model(batch.x)), model)
        return kb.Objective(loss, gradients=[-gradient for gradient in gradients])

    model = linear(optimizer=keras.optimizers.LossScaleOptimizer(sgd()) if scaled else sgd())
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 2.1, rtol=1e-6)


def test_a_gradient_in_the_loss_is_differentiated():
    def step(model, batch):
        slopes = kb.grad(lambda x: ops.sum(model(x) ** 3))(batch.x)  # 3 (w x)^2 w
        return ops.mean(slopes)

    model = linear(optimizer=sgd(0.01))
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    # By w: 9 w^2 x^2 = 36; by the bias: 6 (w x) w = 24.
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.36, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], [-0.24], rtol=1e-5)


def test_gradients_by_variables_nest():
    weight = keras.Variable(3.0)

    def outer():
        _, (inner,) = kb.value_and_grad(lambda: weight**3, weight)  # 3 w^2
        return ops.sum(inner)

    value, (gradient,) = kb.value_and_grad(outer, weight)
    assert (float(value), float(gradient)) == (27.0, 18.0)


def test_a_gradient_that_torch_cannot_take_without_values_is_taken_in_a_step():
    def step(model, batch):
        loss, gradients = kb.value_and_grad(lambda: ops.sum(ops.inv(model(batch.x))), model)
        return kb.Objective(loss, gradients=gradients)

    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, use_bias=False, kernel_initializer="identity")])
    model.compile(sgd())
    history = kb.fit(model, np.diag([2.0, 4.0]), verbose=0, step=step).history
    assert history["loss"] == pytest.approx([0.75])
    # The gradient by A of the sum of inv(A) is -v v', where v is the sums of the rows of inv(A)': 1/2 and 1/4.
    np.testing.assert_allclose(model.get_weights()[0], [[1.05, 0.025], [0.05, 1.025]], rtol=1e-5)


def test_a_loss_may_depend_on_some_of_the_variables():
    used, unused = keras.Variable(3.0), keras.Variable([1.0, 2.0])
    loss, gradients = kb.value_and_grad(lambda: used * used, [unused, used])
    assert float(loss) == 9.0
    assert [ops.convert_to_numpy(gradient).tolist() for gradient in gradients] == [[0.0, 0.0], 6.0]


def test_a_gradient_by_a_nest_has_its_structure():
    nest = {"a": ops.ones((2,)), "b": [ops.ones(()) * 3, ops.ones(())]}
    found = kb.grad(lambda nest: ops.sum(nest["a"]) * nest["b"][0])(nest)
    assert keras.tree.map_structure(lambda leaf: ops.convert_to_numpy(leaf).tolist(), found) == {
        "a": [3.0, 3.0],
        "b": [2.0, 0.0],
    }


def test_a_gradient_stops_at_stop_gradient():
    def step(model, batch):
        return ops.mean(model(batch.x) * ops.stop_gradient(model(batch.x)))

    model = linear(optimizer=sgd())
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.1 * 2, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_batch_statistics_move_once_in_a_step_that_takes_a_gradient_by_its_input():
    def build():
        model = keras.Sequential([keras.Input((3,)), layers.BatchNormalization(momentum=0.5), layers.Dense(1)])
        model.compile(sgd())
        return model

    def step(model, batch):
        return ops.mean(kb.grad(lambda x: ops.sum(model(x, training=True)))(batch.x) ** 2)

    model = build()
    x = np.full((4, 3), 8.0, "float32")
    kb.fit(model, x, verbose=0, step=step)
    np.testing.assert_allclose(model.layers[0].moving_mean, [4.0] * 3)


@pytest.mark.parametrize("layer", [layers.LayerNormalization, layers.BatchNormalization, layers.GroupNormalization])
def test_a_second_gradient_through_a_normalisation_is_the_slope_of_the_first(layer):
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    keras.utils.set_random_seed(0)
    norm = layer(groups=1) if layer is layers.GroupNormalization else layer()
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), norm, layers.Activation("tanh"), layers.Dense(1)])
    kernel = model.layers[0].kernel
    start, moving = kernel.numpy().copy(), [variable.numpy() for variable in norm.non_trainable_variables]

    def penalty():
        slopes = kb.grad(lambda x: ops.sum(model(x, training=True)))(ops.convert_to_tensor(x))
        return ops.sum(slopes**2)

    def value(amount):
        kernel.assign(start + amount * np.eye(4, dtype="float32")[:1].T @ np.eye(4, dtype="float32")[:1])
        for variable, number in zip(norm.non_trainable_variables, moving, strict=True):
            variable.assign(number)
        return kb.value_and_grad(penalty, kernel)

    _, (gradient,) = value(0.0)
    slope = (float(value(0.01)[0]) - float(value(-0.01)[0])) / 0.02
    assert float(gradient[0, 0]) == pytest.approx(slope, rel=2e-2)


def test_a_second_gradient_of_a_variance_is_exact():
    weights = np.array([3.0, -1.0, 0.0, 2.0], "float32")
    slope = kb.grad(lambda x: ops.moments(x, axes=[0])[1])  # 2 (x - mean) / 4
    weighted = kb.grad(lambda x: ops.sum(ops.convert_to_tensor(weights) * slope(x)))
    found = weighted(ops.convert_to_tensor([1.0, 2.0, 4.0, 0.5]))
    np.testing.assert_allclose(ops.convert_to_numpy(found), (weights - weights.mean()) / 2, rtol=1e-5)


def test_losses_that_layers_add_inside_a_gradient_stay_inside():
    def step(model, batch):
        value, gradients = kb.value_and_grad(lambda: ops.mean(model(batch.x)), model)
        return kb.Objective(value, gradients=gradients), {"added": sum(model.losses) if model.losses else 0.0}

    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, activity_regularizer="l2")])
    model.compile(sgd())
    assert kb.fit(model, np.ones((4, 1)), verbose=0, step=step).history["added"] == [0.0]


# State ----------------------------------------------------------------------------------------------------------------


class Remembering(keras.Model):
    """A model that stores a moving average of its weight, and its last input rows."""

    def __init__(self, **keywords):
        super().__init__(**keywords)
        self.inner = linear()
        self.optimizer_of_inner = keras.optimizers.Adam(0.1)
        self.average = self.add_weight(shape=(1, 1), initializer="zeros", trainable=False, name="average")
        self.buffer = self.add_weight(shape=(6, 1), initializer="zeros", trainable=False, name="buffer")
        self.place = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="place")

    def call(self, x):
        return self.inner(x)


def remembering(model, batch):
    """Write a row to the ring buffer, and learn from all of it."""
    model.buffer.assign(ops.slice_update(model.buffer.value, (model.place.value, 0), batch.x[:1]))
    model.place.assign((model.place + 1) % 6)
    model.average.assign(0.9 * model.average + 0.1 * model.inner.weights[0])
    loss = ops.mean(model.inner(ops.convert_to_tensor(model.buffer)) ** 2)
    return kb.Objective(loss, model.inner, model.optimizer_of_inner), {"average": model.average[0, 0]}


def test_a_step_keeps_a_ring_of_rows_and_a_moving_average():
    model, x = Remembering(), np.arange(8, dtype="float32").reshape(8, 1)
    weights = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: weights.append(model.inner.get_weights()[0])
    )
    kb.fit(model, x, batch_size=1, shuffle=False, verbose=0, step=remembering, callbacks=[watch])
    np.testing.assert_array_equal(model.buffer.numpy()[:, 0], [6, 7, 2, 3, 4, 5])
    average = 0.0
    for weight in weights:
        average = 0.9 * average + 0.1 * weight
    np.testing.assert_allclose(model.average, average, rtol=1e-5)


def test_attributes_of_the_model_are_saved_and_restored(tmp_path):
    x = np.arange(8, dtype="float32").reshape(8, 1)
    run = partial(kb.fit, batch_size=1, shuffle=False, verbose=0, step=remembering)
    model, other = Remembering(), Remembering()
    run(model, x)
    model.save_weights(tmp_path / "state.weights.h5")
    run(other, x[::-1].copy())  # builds variables, and leaves another state
    other.load_weights(tmp_path / "state.weights.h5")
    for one in (model, other):
        run(one, x)
    for one, two in ((model, other), (model.optimizer_of_inner, other.optimizer_of_inner)):
        for variable, expected in zip(two.variables, one.variables, strict=True):
            np.testing.assert_array_equal(variable.numpy(), expected.numpy(), err_msg=variable.path)


def test_backup_and_restore_restores_everything(tmp_path):
    class Stop(Exception):
        pass

    def interrupt(epoch, logs):
        if epoch == 2:
            raise Stop

    x = np.arange(8, dtype="float32").reshape(8, 1)
    run = partial(kb.fit, batch_size=1, verbose=0, epochs=5, seed=2, step=remembering)
    whole, stopped, resumed = Remembering(), Remembering(), Remembering()
    run(whole, x)
    backup = partial(keras.callbacks.BackupAndRestore, str(tmp_path / "backup"))
    with pytest.raises(Stop):
        run(stopped, x, callbacks=[backup(), keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)])
    run(resumed, x, callbacks=[backup()])
    for one, two in ((whole, resumed), (whole.optimizer_of_inner, resumed.optimizer_of_inner)):
        for variable, expected in zip(two.variables, one.variables, strict=True):
            np.testing.assert_array_equal(variable.numpy(), expected.numpy(), err_msg=variable.path)


def test_reinitialize_resets_every_attribute_of_the_model():
    x = np.arange(8, dtype="float32").reshape(8, 1)
    run = partial(kb.fit, batch_size=1, verbose=0, seed=2, step=remembering)
    model, fresh = Remembering(), Remembering()
    run(fresh, x)
    run(model, x)
    run(model, x)
    kb.reinitialize(model, 7)
    run(model, x)
    for one, two in ((model, fresh), (model.optimizer_of_inner, fresh.optimizer_of_inner)):
        for variable, expected in zip(one.variables, two.variables, strict=True):
            np.testing.assert_array_equal(variable.numpy(), expected.numpy(), err_msg=variable.path)


def test_state_outside_the_model_is_reported_once(caplog):
    count = keras.Variable(0.0, trainable=False, name="mine")

    def step(model, batch):
        count.assign_add(1.0)
        return ops.mean(model(batch.x))

    model = linear(optimizer=sgd())
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        for _ in range(2):
            kb.fit(model, numbers(), batch_size=4, verbose=0, step=step)
    assert float(count.value) == 8
    assert [record.getMessage() for record in caplog.records] == [
        "kerasbridge: the step changes mine, which is not part of the model: callbacks that save or restore the "
        "model leave it out. Make it, or the object that it belongs to, an attribute of the model."
    ]


def test_a_value_read_before_a_write_stays_what_it_was():
    def step(model, batch):
        weight = model.weights[0]
        before = ops.convert_to_tensor(weight)
        weight.assign_add(ops.ones_like(before))
        loss = ops.mean(model(batch.x))
        weight.assign(before)
        return kb.Objective(loss), {"before": before[0, 0]}

    model = linear(optimizer=sgd())
    history = kb.fit(model, np.ones((4, 1)), verbose=0, step=step).history
    assert (history["before"], history["loss"]) == ([2.0], [3.0])
    np.testing.assert_allclose(model.get_weights()[0], 1.9, rtol=1e-6)


def test_a_weight_is_logged_before_the_update():
    def step(model, batch):
        return ops.mean(model(batch.x)), {"bias": ops.sum(model.weights[1]), "part": model.weights[1][0]}

    history = kb.fit(linear(optimizer=sgd()), np.ones((4, 1)), verbose=0, step=step).history
    assert (history["bias"], history["part"]) == ([0.0], [0.0])


def test_adding_in_place_changes_no_other_name():
    def step(model, batch):
        x = batch.x
        shifted = x
        shifted += 1.0
        shifted *= 2.0
        return ops.mean(model(x)), {"x": ops.mean(x), "shifted": ops.mean(shifted)}

    history = kb.fit(linear(optimizer=sgd()), np.ones((4, 1)), verbose=0, step=step).history
    assert (history["x"], history["shifted"], history["loss"]) == ([1.0], [4.0], [2.0])


def test_a_branch_by_a_tensor_is_compiled():
    def step(model, batch):
        loss = ops.mean(model(batch.x))
        return ops.cond(loss > 1.85, lambda: 2 * loss, lambda: loss)

    model = linear(optimizer=sgd())
    history = kb.fit(model, np.ones((12, 1)), batch_size=4, verbose=0, step=step)
    assert history.params["execution"] != "eager"
    # By 0.2 from 2 and its bias from 0, then by 0.1 twice.
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.2 - 0.1 - 0.1, rtol=1e-6)


def test_branches_within_branches_are_compiled():
    def step(model, batch):
        loss = ops.mean(model(batch.x))
        return ops.cond(
            loss > 1.85, lambda: ops.cond(loss > 1.95, lambda: 3 * loss, lambda: 2 * loss), lambda: ops.copy(loss)
        )

    model = linear(optimizer=sgd())
    history = kb.fit(model, np.ones((12, 1)), batch_size=4, verbose=0, step=step)
    assert history.params["execution"] != "eager"
    # By 0.3 from 2 and its bias from 0, then by 0.1 twice.
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.3 - 0.1 - 0.1, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:__array_wrap__")  # raised by torch and NumPy before torch rejects the product
@pytest.mark.parametrize("left", [True, False])
def test_numpy_arrays_are_operands_or_the_error_contains_the_fix(left, backend):
    constant = np.full((1,), 3.0)

    def step(model, batch):
        outputs = model(batch.x)
        return ops.mean(constant * outputs if left else outputs * constant)

    run = partial(kb.fit, linear(optimizer=sgd()), np.ones((4, 1)), verbose=0, step=step)
    if backend == "torch":
        with pytest.raises(StepError, match=r"found the NumPy array constant\. Write keras\.ops\.convert_to_t"):
            run()
    else:
        assert run().history["loss"] == [6.0]


def test_data_may_be_in_y_alone():
    def step(model, batch):
        return ops.mean(model(batch.y))

    assert kb.fit(linear(optimizer=sgd()), None, np.ones((4, 1), "float32"), verbose=0, step=step).history["loss"] == [
        2
    ]


# Random numbers -------------------------------------------------------------------------------------------------------


def noisy(seeds):
    def step(model, batch):
        noise = keras.random.normal(ops.shape(batch.x), seed=seeds)
        return ops.mean((model(batch.x) + noise) ** 2), {"noise": ops.mean(noise)}

    return step


def test_one_seed_gives_the_same_noise_for_every_owner_of_the_generator():
    step, other = noisy(keras.random.SeedGenerator(1)), noisy(keras.random.SeedGenerator(2))
    run = partial(kb.fit, x=numbers(), batch_size=4, verbose=0)
    expected = run(linear(optimizer=sgd()), seed=7, step=step).history
    assert run(linear(optimizer=sgd()), seed=7, step=other).history == expected
    assert run(linear(optimizer=sgd()), seed=8, step=step).history != expected


def test_a_generator_that_only_evaluation_uses_restarts_too():
    seeds = keras.random.SeedGenerator(1)

    def step(model, batch, training):
        noise = ops.zeros(()) if training else ops.mean(keras.random.normal((3,), seed=seeds))
        return ops.mean(model(batch.x)), {"noise": noise}

    run = partial(kb.fit, x=numbers(), validation_split=0.5, verbose=0, seed=7, step=step)
    assert run(linear(optimizer=sgd())).history["val_noise"] == run(linear(optimizer=sgd())).history["val_noise"]


def draws_without_a_seed(model, batch, training):
    drawn = {
        "uniform": ops.max(keras.random.uniform((3,))),
        "shuffled": ops.cast(keras.random.shuffle(ops.arange(100))[0], "float32"),
        "dropped": ops.sum(keras.random.dropout(ops.ones((64,)), 0.5)),
    }
    noise = keras.random.normal(ops.shape(batch.x)) if training else 0.0
    return ops.mean(model(batch.x + noise) ** 2), drawn


def test_draws_without_a_seed_are_new_at_each_step_and_portable():
    """The numbers are the same on every backend: the first batch, the mean of an epoch, and a validation."""
    watch = BatchRecorder()
    run = partial(kb.fit, x=np.ones((12, 1)), batch_size=4, verbose=0, step=draws_without_a_seed)
    history = run(linear(optimizer=sgd()), seed=7, callbacks=[watch], validation_split=0.34).history
    assert run(linear(optimizer=sgd()), seed=7, validation_split=0.34).history == history
    assert run(linear(optimizer=sgd()), seed=8, validation_split=0.34).history != history
    first, both = watch.logs
    seen = {name: [first[name], both[name], history[f"val_{name}"][0]] for name in DRAWN}
    assert seen == {name: pytest.approx(expected, abs=1e-4) for name, expected in DRAWN.items()}


DRAWN = {
    "uniform": [0.94788, 0.82755, 0.42907],
    "shuffled": [36.0, 51.42857, 57.2],
    "dropped": [68.0, 73.14286, 62.0],
}


def test_noise_differs_from_step_to_step():
    watch = BatchRecorder()
    step = noisy(keras.random.SeedGenerator(1))
    kb.fit(linear(optimizer=sgd(0.0)), np.ones((12, 1)), batch_size=4, verbose=0, callbacks=[watch], step=step)
    assert len({logs["noise"] for logs in watch.logs}) == 3


# Cache of compiled steps ----------------------------------------------------------------------------------------------


def compiled(model):
    return list(model.__dict__[step_loop.COMPILED].values())


def test_a_second_fit_compiles_nothing_and_calls_nothing():
    calls = []

    class Counting(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x * 1.0

    model = keras.Sequential([keras.Input((1,)), Counting(), layers.Dense(1)])
    model.compile("adam")
    run = partial(kb.fit, model, numbers(20), batch_size=8, verbose=0, step=with_test, validation_split=0.2)
    run()
    before, count = compiled(model), len(calls)
    run()
    assert len(calls) == count
    assert all(one is other for one, other in zip(compiled(model), before, strict=True))


class Scaled:
    """A step with a number that may change."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, model, batch):
        return self.factor * ops.mean(model(batch.x))


def test_another_number_in_the_step_takes_effect_in_the_next_fit():
    model, step = linear(optimizer=sgd()), Scaled(1.0)
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    step.factor = 3.0
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.1 - 0.3, rtol=1e-6)


FACTOR = 1.0
SETTINGS = SimpleNamespace(factor=1.0, deep={"a": {"b": 1.0}})
ARRAY = np.ones((), "float32")


def in_a_lambda(model, batch):
    value, gradients = kb.value_and_grad(lambda: FACTOR * ops.mean(model(batch.x)), model)
    return kb.Objective(value, gradients=gradients)


def helper(value):
    return FACTOR * value


def in_a_helper(model, batch):
    return helper(ops.mean(model(batch.x)))


def in_an_object(model, batch):
    return SETTINGS.factor * ops.mean(model(batch.x))


def in_a_nest(model, batch):
    return SETTINGS.deep["a"]["b"] * ops.mean(model(batch.x))


def in_an_array(model, batch):
    return ops.mean(model(batch.x)) * ops.convert_to_tensor(ARRAY)


DEFAULT = SimpleNamespace(factor=1.0)


def in_a_default(model, batch, settings=DEFAULT):
    return settings.factor * ops.mean(model(batch.x))


class Private(Scaled):
    """A number with an underscore."""

    def __init__(self):
        self._factor = 1.0

    def __call__(self, model, batch):
        return self._factor * ops.mean(model(batch.x))


class OfTheClass(Scaled):
    """A number shared by all instances."""

    factor = 1.0

    def __init__(self):
        pass


def setting(owner, name):
    """Set an attribute to 3 until the test ends."""
    return lambda patch: patch.setitem(owner, name, 3.0) if isinstance(owner, dict) else patch.setattr(owner, name, 3.0)


PRIVATE, SHARED, BOUND = Private(), OfTheClass(), Scaled(1.0)
CHANGES = {
    "in a lambda": (in_a_lambda, setting(globals(), "FACTOR")),
    "in a helper": (in_a_helper, setting(globals(), "FACTOR")),
    "in an object": (in_an_object, setting(SETTINGS, "factor")),
    "in a nest": (in_a_nest, setting(SETTINGS.deep["a"], "b")),
    "in an array": (in_an_array, lambda patch: ARRAY.fill(3.0)),
    "in a default": (in_a_default, setting(DEFAULT, "factor")),
    "private": (PRIVATE, setting(PRIVATE, "_factor")),
    "of a class": (SHARED, setting(OfTheClass, "factor")),
    "in a partial": (partial(BOUND.__call__), setting(BOUND, "factor")),
}


@pytest.mark.parametrize("where", CHANGES)
def test_a_number_that_changes_between_two_fits_is_never_stale(where, monkeypatch):
    step, change = CHANGES[where]
    model = linear(optimizer=sgd())
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    change(monkeypatch)
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.1 - 0.3, rtol=1e-6)


def test_the_number_of_cached_steps_is_limited():
    model = linear(optimizer=sgd(), run_eagerly=True)
    for _ in range(compile_cache.MAX_ENTRIES + 3):
        kb.fit(model, np.ones((2, 1)), verbose=0, step=lambda model, batch: ops.mean(model(batch.x)))
    assert len(model.__dict__["_kerasbridge_steps"]) == compile_cache.MAX_ENTRIES


@dataclass
class Distance:
    """A step that cannot be hashed."""

    scale: float

    def __call__(self, model, batch):
        return self.scale * ops.mean(model(batch.x))


def test_an_object_that_cannot_be_hashed_is_a_step_too():
    model, step = linear(optimizer=sgd()), Distance(1.0)
    for _ in range(2):
        kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    assert len(compiled(model)) == 1
    np.testing.assert_allclose(model.get_weights()[0], 1.8, rtol=1e-6)


def test_threads_train_models_of_their_own():
    def train(factor):
        model = linear(optimizer=sgd())
        kb.fit(model, np.ones((4, 1)), epochs=3, verbose=0, step=Scaled(factor))
        return float(model.get_weights()[0][0, 0])

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(train, [1.0, 2.0, 3.0]))
    np.testing.assert_allclose(found, [1.7, 1.4, 1.1], rtol=1e-5)
    kb.fit(mlp(), X, Y, **PLAIN)  # Keras is restored


def test_another_thread_may_draw_during_a_dry_run():
    def step(model, batch):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(random.random).result()
        return ops.mean(model(batch.x) ** 2)

    kb.fit(linear(optimizer=sgd()), numbers(), verbose=0, step=step)


def test_freezing_takes_effect_in_the_next_fit():
    def step(model, batch):
        return ops.mean(model(batch.x) ** 2)

    model = keras.Sequential([keras.Input((1,)), layers.Dense(3), layers.Dense(1)])
    model.compile(sgd())
    kb.fit(model, numbers(), verbose=0, step=step)
    model.layers[0].trainable = False
    frozen, free = (layer.get_weights()[0] for layer in model.layers)
    kb.fit(model, numbers(), verbose=0, step=step)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen)
    assert (model.layers[1].get_weights()[0] != free).any()


def test_another_optimizer_takes_effect_in_the_next_fit():
    def step(model, batch):
        return ops.mean(model(batch.x))

    model = linear(optimizer=sgd(0.1))
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    model.compile(sgd(0.5))
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.1 - 0.5, rtol=1e-6)


def test_a_model_outside_the_step_is_read_with_its_current_weights():
    teacher = linear()

    def step(model, batch):
        return ops.mean(model(batch.x)), {"taught": ops.mean(teacher(batch.x))}

    model = linear(optimizer=sgd())
    taught = []
    for weight in (2.0, 5.0):
        teacher.set_weights([np.full((1, 1), weight), np.zeros(1)])
        taught += kb.fit(model, np.ones((4, 1)), verbose=0, step=step).history["taught"]
    assert taught == [2.0, 5.0]


def test_layers_that_are_not_built_are_built_by_the_step():
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.last = layers.Dense(4), layers.Dense(1)

        def call(self, x):
            return self.last(self.hidden(x))

    model = Late()
    model.compile("adam")
    history = kb.fit(model, numbers(), epochs=2, verbose=0, step=lambda model, batch: ops.mean(model(batch.x) ** 2))
    assert history.history["loss"][1] < history.history["loss"][0]


def test_layers_that_are_not_built_are_built_inside_a_gradient():
    def step(model, batch):
        loss, gradients = kb.value_and_grad(lambda: ops.mean(model(batch.x)), model)
        return kb.Objective(loss, gradients=gradients)

    model = keras.Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile(sgd())
    kb.fit(model, np.ones((4, 1)), verbose=0, step=step)
    np.testing.assert_allclose(model.get_weights()[0], 0.9, rtol=1e-6)


def test_other_errors_of_a_step_are_unchanged():
    def step(model, batch):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        kb.fit(linear(optimizer=sgd()), numbers(), verbose=0, step=step)


def test_a_model_works_after_an_error():
    def wrong(model, batch):
        return model(batch.x)

    model, other = seeded(mlp), seeded(mlp)
    with pytest.raises(StepError):
        kb.fit(model, X, Y, step=wrong, **PLAIN)
    for one in (model, other):
        kb.fit(one, X, Y, step=crossentropy, seed=1, **PLAIN)
    assert_same_state(model, other)
