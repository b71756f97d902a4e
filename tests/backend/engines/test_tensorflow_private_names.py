"""The private names of TensorFlow that kerasbridge uses exist; without one of them, it trains and frees less memory."""

import contextlib

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

if keras.config.backend() != "tensorflow":
    pytest.skip("private names of TensorFlow", allow_module_level=True)

import tensorflow as tf

from kerasbridge.engines.tensorflow import graph_memory
from kerasbridge.engines.tensorflow.private_names import PRIVATE_NAMES, private_name


@pytest.mark.parametrize("name", PRIVATE_NAMES)
def test_this_tensorflow_has(name):
    owner, attribute = private_name(name)
    assert getattr(owner, attribute) is not None


@tf.custom_gradient
def doubled(x):
    return 2 * x, lambda upstream: 2 * upstream


def test_a_custom_gradient_is_registered_under_the_name_that_is_noted():
    table = getattr(*private_name("table of custom gradients"))

    def added(scope):
        before = set(table)
        with scope:
            tf.function(doubled).get_concrete_function(tf.ones(3))
        return set(table) - before

    assert len(added(contextlib.nullcontext())) == 1
    assert added(graph_memory.unregister_custom_gradients()) == set()


def train():
    keras.utils.set_random_seed(0)
    x = np.ones((16, 4), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "silu")])
    model.compile("sgd", "mse")
    return kb.fit(model, x, x[:, :1], verbose=0).history["loss"]


@pytest.mark.parametrize("place", ["tensorflow.no_such_module:name", "tensorflow:no_such.name", "tensorflow:no_such"])
def test_training_works_without_a_private_name(monkeypatch, place):
    expected = train()
    for name in PRIVATE_NAMES:
        monkeypatch.setitem(PRIVATE_NAMES, name, place)
    assert train() == expected
