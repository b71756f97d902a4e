"""`kb.as_keras_fit`: inside it, `model.fit` runs through kerasbridge."""

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.training import keras_fit
from tests.backend.models import CASES, assert_same_state, mlp, twins

X, Y = CASES["MLP"].arrays(40)
PLAIN = {"batch_size": 8, "verbose": 0}
METHODS = ("fit", "evaluate", "predict")
STEPS = {
    "fit": "train_step, so it trains through model.fit.",
    "evaluate": "test_step, so model.evaluate runs it.",
    "predict": "predict_step, so model.predict runs it.",
}


class Overriding(keras.Model):
    """A model with its own training step, which calls that of Keras."""

    def train_step(self, *arguments):
        return super().train_step(*arguments)


class Asking(keras.callbacks.Callback):
    """Evaluate a model after each epoch: another one, or the one in training."""

    def __init__(self, other=None):
        super().__init__()
        self.other = other

    def on_epoch_end(self, epoch, logs=None):
        (self.other or self.model).evaluate(X, Y, verbose=0)


@pytest.fixture
def evaluated(monkeypatch):
    """The models that kerasbridge evaluates."""
    models, evaluate = [], keras_fit.trainer.evaluate

    def noted(model, *arguments, **keywords):
        models.append(model)
        return evaluate(model, *arguments, **keywords)

    monkeypatch.setitem(keras_fit._REPLACEMENTS, "evaluate", noted)
    return models


def overriding():
    inputs = keras.Input((12,))
    model = Overriding(inputs, keras.layers.Dense(5, activation="softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def ran_here(history):
    """Return whether kerasbridge trained, and not stock Keras."""
    return "execution" in history.params


def test_fit_evaluate_and_predict_give_what_kerasbridge_gives():
    called, taken = twins(mlp)
    expected = kb.fit(called, X, Y, epochs=2, shuffle=False, **PLAIN)
    with kb.as_keras_fit():
        history = taken.fit(X, Y, epochs=2, shuffle=False, **PLAIN)
        tested, predicted = taken.evaluate(X, Y, verbose=0), taken.predict(X, verbose=0)
    assert ran_here(history)
    assert history.history == expected.history
    assert_same_state(taken, called)
    assert tested == kb.evaluate(called, X, Y, verbose=0)
    np.testing.assert_array_equal(predicted, kb.predict(called, X))


def test_a_wrong_argument_raises_an_error_of_kerasbridge():
    with kb.as_keras_fit(), pytest.raises(ArgumentError, match="batch_size"):
        mlp().fit(X, Y, batch_size=-1)


def test_arguments_may_be_positional_in_the_order_of_keras():
    one, other = twins(mlp)
    expected = kb.fit(one, X, Y, batch_size=8, epochs=2, verbose=0, validation_split=0.2, shuffle=False)
    with kb.as_keras_fit():
        history = other.fit(X, Y, 8, 2, 0, None, 0.2, None, False)
    assert ran_here(history)
    assert history.history == expected.history


def test_it_ends_with_the_context_even_after_an_error():
    before = [getattr(keras.Model, name) for name in METHODS]
    with pytest.raises(ZeroDivisionError), kb.as_keras_fit():
        raise ZeroDivisionError
    assert [getattr(keras.Model, name) for name in METHODS] == before
    assert not ran_here(mlp().fit(X, Y, **PLAIN))


def test_blocks_nest():
    with kb.as_keras_fit():
        with kb.as_keras_fit():
            assert ran_here(mlp().fit(X, Y, **PLAIN))
        assert ran_here(mlp().fit(X, Y, **PLAIN))
    assert not ran_here(mlp().fit(X, Y, **PLAIN))


def test_it_applies_in_other_threads_too():
    with kb.as_keras_fit(), ThreadPoolExecutor(1) as pool:
        assert ran_here(pool.submit(mlp().fit, X, Y, **PLAIN).result())


def test_a_model_with_a_custom_train_step_is_trained_and_validated_by_keras(caplog, evaluated):
    with caplog.at_level(logging.WARNING, "kerasbridge"), kb.as_keras_fit():
        history = overriding().fit(X, Y, validation_data=(X, Y), **PLAIN)
    assert not ran_here(history)
    assert "val_loss" in history.history
    assert [record.getMessage() for record in caplog.records] == [
        "kerasbridge: Overriding overrides train_step, so it trains through model.fit."
    ]
    assert evaluated == []


def test_a_model_is_trained_by_kerasbridge_again_after_keras(evaluated):
    model = overriding()
    with kb.as_keras_fit():
        model.fit(X, Y, **PLAIN)
        model.evaluate(X, Y, verbose=0)
    assert evaluated == [model]


def test_evaluate_in_a_callback_runs_through_kerasbridge_too(evaluated):
    model, other = mlp(), mlp()
    with kb.as_keras_fit():
        model.fit(X, Y, callbacks=[Asking(), Asking(other)], **PLAIN)
    assert evaluated == [model, other]


def test_evaluate_of_another_model_in_a_callback_runs_through_kerasbridge_while_stock_trains(evaluated):
    other = mlp()
    with kb.as_keras_fit():
        overriding().fit(X, Y, callbacks=[Asking(), Asking(other)], **PLAIN)
    assert evaluated == [other]


def test_a_method_that_a_subclass_extends_reaches_kerasbridge():
    class Extended(keras.Sequential):
        def fit(self, *arguments, **keywords):
            history = super().fit(*arguments, **keywords)
            history.params["extended"] = True
            return history

    model = Extended([keras.layers.Dense(5, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with kb.as_keras_fit():
        history = model.fit(X, Y, **PLAIN)
    assert ran_here(history)
    assert history.params["extended"]


@pytest.mark.filterwarnings("ignore:.*is deprecated, :DeprecationWarning", "ignore:Skipping variable loading")
def test_keras_tuner_searches_through_kerasbridge(tmp_path, monkeypatch):
    tuners = pytest.importorskip("keras_tuner")
    ways, fit = [], keras_fit.trainer.fit

    def noted(model, *arguments, **keywords):
        history = fit(model, *arguments, **keywords)
        ways.append(history.params["execution"])
        return history

    def build(choice):
        model = mlp()
        model.optimizer.learning_rate = choice.Float("learning_rate", 1e-3, 1.0, sampling="log")
        return model

    monkeypatch.setitem(keras_fit._REPLACEMENTS, "fit", noted)
    options = {"objective": "val_loss", "seed": 0, "directory": tmp_path, "max_trials": 2}
    with kb.seed_everything(0), kb.as_keras_fit():
        tuner = tuners.RandomSearch(build, **options)
        stopping = keras.callbacks.EarlyStopping("loss", min_delta=10.0)  # ends each in the second of three epochs
        tuner.search(X, Y, epochs=3, validation_data=(X, Y), callbacks=[stopping], verbose=0)
        best, tested = tuner.oracle.get_best_trials(1)[0], tuner.get_best_models()[0].evaluate(X, Y, verbose=0)
    assert len(ways) == 2
    assert set(ways) <= {"looped", "traced", "jit"}
    assert best.metrics.get_best_step("val_loss") <= 1
    np.testing.assert_allclose(best.score, tested[0] if isinstance(tested, list) else tested, rtol=1e-5)


class Prepares(keras.Model):
    """A model that divides its data by 100 before it calls Keras, and counts how often it does."""

    prepared = 0

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(5, activation="softmax", kernel_initializer="ones")
        self.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")

    def call(self, x):
        return self.dense(x)

    def fit(self, x=None, y=None, *arguments, **keywords):
        self.prepared += 1
        return super().fit(x / 100, y, *arguments, **keywords)

    def evaluate(self, x=None, y=None, *arguments, **keywords):
        self.prepared += 1
        return super().evaluate(x / 100, y, *arguments, **keywords)

    def predict(self, x=None, *arguments, **keywords):
        self.prepared += 1
        return super().predict(x / 100, *arguments, **keywords)


class PreparesAndOverrides(Prepares):
    """The same, with steps that Keras must run."""

    def train_step(self, *arguments):
        return super().train_step(*arguments)

    def test_step(self, *arguments):
        return super().test_step(*arguments)

    def predict_step(self, *arguments):
        return super().predict_step(*arguments)


class ByKeyword(PreparesAndOverrides):
    """A model whose methods have parameters of their own, all by keyword."""

    def fit(self, *, data=None, **keywords):
        return super().fit(x=data[0], y=data[1], **keywords)

    def evaluate(self, *, data=None, **keywords):
        return super().evaluate(x=data[0], y=data[1], **keywords)

    def predict(self, *, data=None, **keywords):
        return super().predict(x=data[0], **keywords)


def messages(caplog):
    """Return what kerasbridge has logged."""
    return [record.getMessage() for record in caplog.records if record.name == "kerasbridge"]


def run(model, name, *arguments, **keywords):
    """Return the loss of `fit` or `evaluate`, or the mean of the predictions."""
    result = getattr(model, name)(*arguments, verbose=0, **keywords)
    return result.history["loss"][0] if name == "fit" else np.mean(result)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", [Prepares, PreparesAndOverrides, ByKeyword])
def test_a_model_that_extends_a_method_prepares_its_data_once(kind, name, caplog):
    given = (X, Y) if name != "predict" else (X,)
    expected = run(Prepares(), name, *given)
    with kb.as_keras_fit(), caplog.at_level(logging.WARNING, "kerasbridge"):
        model = kind()
        value = run(model, name, data=given) if kind is ByKeyword else run(model, name, *given)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert model.prepared == 1
    assert messages(caplog) == ([] if kind is Prepares else [f"kerasbridge: {kind.__name__} overrides {STEPS[name]}"])


@pytest.mark.parametrize("name", METHODS)
def test_a_function_of_kerasbridge_reports_a_method_that_it_does_not_call(name, caplog):
    given = (X, Y) if name != "predict" else (X,)
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        extended, overriding = Prepares(), PreparesAndOverrides()
        getattr(kb, name)(extended, *given, verbose=0)
        getattr(kb, name)(overriding, *given, verbose=0)
    assert (extended.prepared, overriding.prepared) == (0, 1)
    assert messages(caplog) == [
        f"kerasbridge: Prepares extends {name}, which kb.{name} does not call. To call it, write "
        f"`with kb.as_keras_fit(): model.{name}(…)`.",
        f"kerasbridge: PreparesAndOverrides overrides {STEPS[name]}",
    ]
