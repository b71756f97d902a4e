"""`kb.reinitialize`: the same seed gives the same weights, no matter when and where the model was built."""

import hashlib
import random as python_random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, mlp

layers = keras.layers
DIGESTS = {
    "MLP": "38a1e871ad054490",
    "CNN with BatchNorm": "24235803a8f778d1",
    "masked LSTM": "fe39a59e254ea015",
    "attention": "993f3d86d615a63a",
    "two inputs, two outputs": "e70fac7e4d0c40c5",
}


def digest(model):
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()[:16]


@pytest.mark.parametrize("name", DIGESTS)
def test_the_weights_have_known_values_on_every_backend(name):
    model = CASES[name].build()
    kb.reinitialize(model, 5)
    assert digest(model) == DIGESTS[name]


def test_earlier_draws_and_training_have_no_effect():
    case = CASES["attention"]
    fresh = case.build()
    kb.reinitialize(fresh, 5)
    python_random.seed(99)
    trained = case.build()
    kb.fit(trained, *case.arrays(64), verbose=0)
    kb.reinitialize(trained, 5)
    kb.fit(trained, *case.arrays(64), seed=1, verbose=0)
    kb.fit(fresh, *case.arrays(64), seed=1, verbose=0)
    assert_same_state(trained, fresh)


def test_another_seed_gives_other_weights_even_where_an_initializer_has_a_seed():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, kernel_initializer=keras.initializers.HeNormal(1))])
    kb.reinitialize(model, 1)
    first = model.get_weights()[0]
    kb.reinitialize(model, 2)
    assert not np.array_equal(first, model.get_weights()[0])


def test_layers_of_one_shape_get_weights_of_their_own():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)])
    kb.reinitialize(model, 1)
    assert not np.array_equal(model.get_weights()[0], model.get_weights()[2])


def test_random_layers_and_the_optimizer_are_reset():
    model = keras.Sequential([keras.Input((12,)), layers.Dropout(0.5), layers.Dense(5)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    kb.reinitialize(model, 3)
    seeds = [state.numpy().tolist() for state in model.non_trainable_variables]
    kb.fit(model, np.ones((64, 12)), np.ones((64, 5)), verbose=0)
    model.optimizer.learning_rate = 0.5
    kb.reinitialize(model, 3)
    assert [state.numpy().tolist() for state in model.non_trainable_variables] == seeds
    iterations, rate, *moments = (variable.numpy() for variable in model.optimizer.variables)
    assert iterations == 0
    assert rate == 0.5
    assert not any(moment.any() for moment in moments)


def test_python_and_numpy_generators_are_restored():
    model = kb.models.mlp()
    before = python_random.getstate(), np.random.get_state()[1].tolist()
    kb.reinitialize(model, 3)
    assert (python_random.getstate(), np.random.get_state()[1].tolist()) == before


def test_a_custom_initializer_is_drawn_again_too():
    def careless(shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype)

    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, kernel_initializer=careless)])
    drawn = []
    for seed in (1, 2, 1):
        kb.reinitialize(model, seed)
        drawn.append(model.get_weights()[0].tolist())
    assert drawn[0] == drawn[2] != drawn[1]


def test_the_state_of_an_adapted_layer_is_kept():
    scale = layers.Normalization()
    scale.adapt(np.arange(12.0).reshape(4, 3))
    model = keras.Sequential([keras.Input((3,)), scale, layers.Dense(2)])
    kb.reinitialize(model, 1)
    np.testing.assert_allclose(scale.adapt_mean.numpy(), [4.5, 5.5, 6.5])


class Subclassed(keras.Model):
    """A model without a config, made of layers that have one."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.recurrent, self.out = layers.Dense(units), layers.GRU(3), layers.Dense(1)

    def call(self, x):
        return self.out(self.recurrent(self.hidden(x)))


class Scale(layers.Layer):
    """A layer with a weight of a given size that its config leaves out."""

    def __init__(self, size=1, marker=None, **options):
        super().__init__(**options)
        self.size, self.marker = size, marker

    def build(self, shape):
        self.scale = self.add_weight(shape=(self.size,), initializer="random_normal", name="scale")

    def call(self, x):
        return x * self.scale[0]


class Forgetful(Scale):
    """A layer whose config leaves the size out."""

    def get_config(self):
        return layers.Layer.get_config(self)


def test_a_subclassed_model_needs_no_config_of_its_own():
    model = Subclassed(4)
    model(np.ones((2, 5, 3), "float32"))
    kb.reinitialize(model, 1)
    first = model.get_weights()
    kb.reinitialize(model, 2)
    assert not any(np.array_equal(a, b) for a, b in zip(first, model.get_weights(), strict=True) if a.any())
    kb.reinitialize(model, 1)
    assert all(np.array_equal(a, b) for a, b in zip(first, model.get_weights(), strict=True))


def test_a_layer_with_weights_and_no_config_is_an_error_that_names_it():
    model = keras.Sequential([keras.Input((3,)), Scale(marker=object())])
    with pytest.raises(
        ArgumentError, match=r"^Expected layers that can be built from their get_config\(\), received Scale"
    ):
        kb.reinitialize(model, 1)


def test_a_layer_that_its_config_does_not_describe_is_an_error_that_names_it():
    model = keras.Sequential([keras.Input((3,)), Forgetful(2)])
    with pytest.raises(ArgumentError, match=r"shapes \[\(1,\)\] from it, and \[\(2,\)\] in the model"):
        kb.reinitialize(model, 1)


def test_an_error_leaves_every_weight_as_it_was():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), Forgetful(2)])
    before = model.get_weights()
    with pytest.raises(ArgumentError):
        kb.reinitialize(model, 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_model_that_is_not_built_is_an_error():
    with pytest.raises(ArgumentError, match=r"Call model.build\(input_shape\) first"):
        kb.reinitialize(keras.Sequential([layers.Dense(4)]), 1)


def test_the_optimizer_is_reset_even_if_a_layer_was_frozen_since():
    x, y = CASES["MLP"].arrays(64)
    model = mlp()
    kb.fit(model, x, y, verbose=0)
    model.layers[0].trainable = False
    kb.reinitialize(model, 1)
    assert int(model.optimizer.iterations) == 0
    assert all(not np.any(slot.numpy()) for slot in model.optimizer.variables if "momentum" in slot.path)


class OwnWeight(keras.Model):
    """A model with a weight of its own in addition to its layers."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.Dense(2)
        self.scale = self.add_weight(shape=(3,), initializer="random_normal", name="scale")

    def call(self, x):
        return self.inner(x * self.scale)


def test_a_weight_of_the_model_itself_is_drawn_again():
    models = [OwnWeight(), OwnWeight()]
    for model in models:
        model(np.ones((1, 3), "float32"))
        kb.reinitialize(model, 5)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


class NormalAfterBarrier(keras.initializers.RandomNormal):
    """Draw only once every thread is about to draw, so that the draws of two threads alternate."""

    barrier = threading.Barrier(1)

    def __call__(self, shape, dtype=None):
        self.barrier.wait(timeout=60)
        return super().__call__(shape, dtype)


def test_two_threads_reinitialize_with_their_own_seeds(monkeypatch):
    def build():
        return keras.Sequential([keras.Input((3,)), *(layers.Dense(3, kernel_initializer=initializer) for _ in "ab")])

    initializer, seeds = NormalAfterBarrier(), (1, 2)
    expected, models = [build(), build()], [build(), build()]
    for model, seed in zip(expected, seeds, strict=True):
        kb.reinitialize(model, seed)
    monkeypatch.setattr(NormalAfterBarrier, "barrier", threading.Barrier(2))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(kb.reinitialize, models, seeds))
    for model, other in zip(models, expected, strict=True):
        for weight, reference in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, reference)
