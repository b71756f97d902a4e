"""Repeated `kb.fit`: nothing is compiled twice without a change, and changes always take effect."""

import importlib
from functools import partial

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.training import step_loop
from tests.backend.models import CASES, CLASSES, assert_same_state, mlp, seeded, twins

layers = keras.layers
X, Y = CASES["MLP"].arrays(32)
PLAIN = {"batch_size": 8, "shuffle": False, "verbose": 0}
CLOSE = {"rtol": 1e-3, "atol": 1e-4}


class Counting(layers.Layer):
    """Return the input, and count how often the Python code runs: once or a few times per compilation."""

    calls = 0

    def call(self, inputs):
        Counting.calls += 1
        return inputs * 1.0


def counting():
    model = keras.Sequential(
        [keras.Input((12,)), Counting(), layers.Dense(8, activation="relu"), layers.Dense(CLASSES)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), loss, metrics=["accuracy"])
    return model


def compiled(model):
    return list(model.__dict__[step_loop.COMPILED].values())


@pytest.fixture
def compilations(backend):
    """The number of XLA compilations since the test began, on JAX."""
    if backend != "jax":
        yield lambda: 0
        return
    monitoring, seen = importlib.import_module("jax").monitoring, []

    def note(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    monitoring.register_event_duration_secs_listener(note)
    yield lambda: len(seen)
    monitoring.unregister_event_duration_listener(note)


def test_fitting_epoch_by_epoch_equals_one_fit_and_compiles_once(compilations, backend):
    whole, single = twins(counting)
    arguments = {"batch_size": 8, "verbose": 0, "seed": 4, "validation_split": 0.25}
    expected = kb.fit(whole, X, Y, epochs=4, **arguments).history
    losses = []
    for epoch in range(4):
        if epoch == 2:  # the first two calls compile: the second only small functions, such as the copy of a mean
            before = (Counting.calls, compilations(), compiled(single))
        losses += kb.fit(single, X, Y, epochs=epoch + 1, initial_epoch=epoch, **arguments).history["val_loss"]
    assert (Counting.calls, compilations(), compiled(single)) == before
    assert (compilations() > 0) == (backend == "jax")
    assert losses == expected["val_loss"]
    assert_same_state(single, whole)


def test_fit_evaluate_and_predict_in_turn_compile_once(compilations, backend):
    model = counting()
    for turn in range(4):
        if turn == 2:
            before = (Counting.calls, compilations(), compiled(model))
        kb.fit(model, X, Y, **PLAIN)
        kb.evaluate(model, X, Y, 8, verbose=0)
        kb.predict(model, X, 8)
    predicting = 2 * 4 if backend == "torch" else 0  # predict is not compiled there
    assert (Counting.calls - predicting, compilations(), compiled(model)) == before


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}])
def test_other_numbers_of_rows_trace_nothing_again(options, backend):
    if backend == "torch":
        pytest.skip("on torch few steps run as Python")
    model = counting()
    model.compile("sgd", model.loss, **options)

    def run(rows):
        kb.fit(model, X[:rows], Y[:rows], **PLAIN)
        kb.evaluate(model, X[:rows], Y[:rows], 8, verbose=0)
        kb.predict(model, X[:rows], 8, verbose=0)
        return Counting.calls

    assert run(16) == run(8) == run(24)


def test_a_layer_can_be_frozen_and_unfrozen_without_compiling_again():
    model = counting()
    dense, seen = model.layers[1], []
    for trainable in (True, False, True, False):
        dense.trainable = trainable
        before = dense.get_weights()[0]
        kb.fit(model, X, Y, **PLAIN)
        seen.append(bool((dense.get_weights()[0] != before).any()))
    assert seen == [True, False, True, False]
    assert len(compiled(model)) == 2


def changed(change):
    """Train a model, change it, and train again; with kerasbridge and with stock `fit`."""
    stock, model = twins(change.build)
    for one, fit in ((stock, stock.fit), (model, partial(kb.fit, model))):
        fit(X, Y, **PLAIN)
        keras.utils.set_random_seed(6)
        change(one)
        fit(X, Y, **PLAIN)
    assert_same_state(model, stock, **CLOSE)
    return model


def then(build):
    """Return a builder that builds with `build` and applies a change."""

    def mark(change):
        change.build = build
        return change

    return mark


def compile_again(model):
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])


@then(mlp)
def enabling_lora(model):
    model.layers[0].enable_lora(2)
    compile_again(model)


@then(mlp)
def freezing(model):
    model.layers[0].trainable = False
    compile_again(model)


@then(mlp)
def another_optimizer(model):
    compile_again(model)


@then(partial(mlp, optimizer="sgd"))
def another_dtype_policy(model):
    for layer in model.layers:
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    compile_again(model)


@then(partial(mlp, optimizer="sgd"))
def another_loss(model):
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")
    model.compile(model.optimizer, loss, metrics=["accuracy"])


@then(mlp)
def another_activation(model):
    model.layers[0].activation = keras.activations.tanh
    compile_again(model)


@then(mlp)
def other_weights(model):
    model.set_weights([np.ones_like(value) * 0.1 for value in model.get_weights()])


@pytest.mark.parametrize(
    "change",
    [
        enabling_lora,
        freezing,
        another_optimizer,
        another_dtype_policy,
        pytest.param(another_loss, marks=pytest.mark.once),
        another_activation,
        other_weights,
    ],
    ids=lambda change: change.__name__,
)
def test_changes_between_two_fits_take_effect_as_with_stock(change):
    changed(change)


def test_another_rate_of_dropout_takes_effect_without_compile():
    model = mlp(rate=0.0001)
    model.compile("sgd", "sparse_categorical_crossentropy")
    kb.fit(model, X, Y, **PLAIN)
    model.layers[1].rate = 0.9999
    before = model.layers[0].get_weights()[0]
    kb.fit(model, X, Y, **PLAIN)
    assert (model.layers[0].get_weights()[0] == before).mean() > 0.9


@pytest.mark.once
def test_another_variable_of_a_metric_takes_effect_without_compile():
    model, metric = mlp(), keras.metrics.SparseCategoricalAccuracy()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    kb.fit(model, X, Y, **PLAIN)
    metric.count = metric.add_variable((), "zeros", name="count")
    kb.fit(model, X, Y, **PLAIN)
    assert float(metric.count) == len(X)


@pytest.mark.once
def test_another_dtype_policy_takes_effect_without_compile():
    model, other = twins(partial(mlp, optimizer="sgd"))
    for one in (model, other):
        kb.fit(one, X, Y, **PLAIN)
    for layer in model.layers:
        layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
    for one in (model, other):
        kb.fit(one, X, Y, **PLAIN)
    assert (model.get_weights()[0] != other.get_weights()[0]).any()
    assert_same_state(model, other, atol=0.01)


def test_weights_that_are_loaded_are_where_the_next_fit_starts(tmp_path):
    model, other = twins(mlp)
    model.optimizer.build(model.trainable_variables)
    model.save_weights(tmp_path / "start.weights.h5")
    kb.fit(model, X, Y, **PLAIN)
    kept = compiled(model)
    model.load_weights(tmp_path / "start.weights.h5")
    kb.fit(model, X, Y, **PLAIN)
    kb.fit(other, X, Y, **PLAIN)
    assert_same_state(model, other)
    assert compiled(model) == kept


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`")
def test_a_quantized_model_predicts_as_stock():
    model = mlp()
    kb.predict(model, X)
    before = kb.predict(model, X)
    model.quantize("int8")
    found = kb.predict(model, X)
    np.testing.assert_allclose(found, model.predict(X, verbose=0), rtol=1e-4, atol=1e-5)
    assert (found != before).any()


def test_sequences_of_many_lengths_compile_once_for_each(compilations):
    def build():
        model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                layers.Embedding(20, 4),
                layers.GlobalAveragePooling1D(),
                Counting(),
                layers.Dense(CLASSES, activation="softmax"),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    stock, model = twins(build)
    words = np.random.default_rng(0).integers(0, 20, (32, 9), dtype="int32")
    for turn in range(3):
        if turn == 2:
            before = (Counting.calls, compilations(), compiled(model))
        for length in (9, 4, 6):
            kb.fit(model, words[:, :length], Y, **PLAIN)
    assert (Counting.calls, compilations(), compiled(model)) == before
    for length in 3 * (9, 4, 6):
        stock.fit(words[:, :length], Y, **PLAIN)
    assert_same_state(model, stock, **CLOSE)


# Stateful layers, and layers of a framework ---------------------------------------------------------------------------


def stateful(**compiled):
    inputs = keras.Input(batch_shape=(8, 3, 4))
    outputs = layers.Dense(CLASSES, activation="softmax")(layers.SimpleRNN(6, stateful=True)(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"], **compiled)
    return model


def same_everywhere(build, x, y):
    """Assert that two fits with validation, `evaluate` and `predict` are equal to stock."""
    stock, model = twins(build)
    arguments = {**PLAIN, "epochs": 2, "validation_data": (x[:16], y[:16])}
    for _ in range(2):
        expected = stock.fit(x, y, **arguments).history
        history = kb.fit(model, x, y, **arguments).history
        for name, values in expected.items():
            np.testing.assert_allclose(history[name], values, err_msg=name, **CLOSE)
    np.testing.assert_allclose(kb.evaluate(model, x, y, 8, verbose=0), stock.evaluate(x, y, 8, verbose=0), **CLOSE)
    np.testing.assert_allclose(kb.predict(model, x, 8), stock.predict(x, 8, verbose=0), **CLOSE)
    assert_same_state(model, stock, **CLOSE)
    return model


def test_a_stateful_rnn_keeps_its_state_from_batch_to_batch(backend):
    x = X.reshape(32, 3, 4)
    if backend == "jax":  # stock `fit` does not update the state there; an eager run computes the expected one
        model, eager = seeded(stateful), seeded(partial(stateful, run_eagerly=True))
        for one in (model, eager):
            kb.fit(one, x, Y, **PLAIN)
            kb.predict(one, x, 8)
        assert_same_state(model, eager, **CLOSE)
    else:
        model = same_everywhere(stateful, x, Y)
    rnn = model.layers[1]
    assert np.any(rnn.states[0].numpy())
    rnn.reset_state()
    first = kb.predict(model, x, 8)
    assert (kb.predict(model, x, 8) != first).any()
    rnn.reset_state()
    np.testing.assert_array_equal(kb.predict(model, x, 8), first)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_other_stateful_rnns_keep_their_state_too(kind):
    """Without a comparison: on torch, stock `fit` raises an error of autograd."""
    rnn = getattr(layers, kind)(6, stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(8, 3, 4)), rnn, layers.Dense(CLASSES)])
    model.compile("sgd", "mse")
    kb.fit(model, X.reshape(32, 3, 4), np.eye(CLASSES, dtype="float32")[Y], **PLAIN)
    assert all(np.any(state.numpy()) for state in rnn.states)


def test_a_torch_module_trains_as_with_stock_and_keeps_its_buffers(backend, caplog):
    if backend != "torch":
        pytest.skip("a layer for torch")
    nn = importlib.import_module("torch.nn")

    def build(rate=0.0):
        module = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(rate))
        with importlib.import_module("torch").no_grad():
            for k, weight in enumerate(module.parameters()):
                values = np.random.default_rng(k).normal(size=weight.shape).astype("float32")
                weight.copy_(importlib.import_module("torch").from_numpy(values))
        wrapped = layers.TorchModuleWrapper(module, output_shape=(None, 8))  # else fit draws Dense
        model = keras.Sequential([keras.Input((12,)), wrapped, layers.Dense(CLASSES, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    with caplog.at_level("WARNING", "kerasbridge"):
        model = same_everywhere(build, X, Y)
    assert "keeps buffers, which Keras does not know of" in caplog.text
    norm = model.layers[0].module[1]
    assert int(norm.num_batches_tracked) == 4 * 4
    assert np.any(norm.running_mean.numpy())
    dropping = build(0.5)
    assert kb.evaluate(dropping, X, Y, verbose=0) == kb.evaluate(dropping, X, Y, verbose=0)
    kb.fit(dropping, X, Y, **PLAIN)
    np.testing.assert_array_equal(kb.predict(dropping, X), kb.predict(dropping, X))
    one, two = (kb.fit(seeded(partial(build, rate)), X, Y, **PLAIN).history["loss"] for rate in (0.0, 0.5))
    assert one != two


def test_torch_dropout_is_off_in_evaluate(backend):
    if backend != "torch":
        pytest.skip("a layer for torch")
    nn = importlib.import_module("torch.nn")
    wrapped = layers.TorchModuleWrapper(nn.Sequential(nn.Linear(12, 8), nn.Dropout(0.5)), output_shape=(None, 8))
    model = keras.Sequential([keras.Input((12,)), wrapped, layers.Dense(CLASSES, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert kb.evaluate(model, X, Y, verbose=0) == kb.evaluate(model, X, Y, verbose=0)
    probabilities = kb.predict(model, X)[np.arange(32), Y]
    assert kb.evaluate(model, X, Y, verbose=0) == pytest.approx(-np.log(probabilities).mean(), rel=1e-4)


def test_a_layer_finds_torchs_own_training_flag_as_with_stock(backend):
    if backend != "torch":
        pytest.skip("a flag of torch modules")

    class Doubling(layers.Layer):
        def call(self, inputs):
            return inputs * 2.0 if self.training else inputs

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.doubling, self.dense = Doubling(), layers.Dense(CLASSES, activation="softmax")

        def call(self, inputs):
            return self.dense(self.doubling(inputs))

    def build():
        model = Model()
        model(X[:1])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    same_everywhere(build, X, Y)


def test_a_function_of_jax_trains_as_with_stock(backend):
    if backend != "jax":
        pytest.skip("a layer for JAX")
    pytest.importorskip("tensorflow", reason="Keras traces a JaxLayer with TensorFlow to find its shapes")
    jnp, draw = importlib.import_module("jax.numpy"), importlib.import_module("jax").random

    def first(rng, inputs, training):
        del training
        return {"kernel": draw.normal(draw.key(1), (inputs.shape[-1], 8)) * 0.3}, {"seen": jnp.zeros((), "int32")}

    def call(params, state, rng, inputs, training):
        del rng
        return jnp.tanh(inputs @ params["kernel"]), {"seen": state["seen"] + (1 if training else 0)}

    def build():
        layer = layers.JaxLayer(call_fn=call, init_fn=first)
        model = keras.Sequential([keras.Input((12,)), layer, layers.Dense(CLASSES, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    model = same_everywhere(build, X, Y)
    (seen,) = [variable for variable in model.layers[0].non_trainable_variables if variable.ndim == 0][:1]
    assert int(seen) == 4 * 4


def test_training_many_models_in_a_row_causes_no_warning(caplog):
    for _ in range(8):
        model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        kb.fit(model, X, X[:, :1], batch_size=64, verbose=0)
        del model
        keras.backend.clear_session(free_memory=True)
    assert "retracing" not in caplog.text
