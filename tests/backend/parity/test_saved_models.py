"""The state of a saved model in comparisons: the state of its optimizer, and data by the names of its inputs."""

from collections import OrderedDict

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import optimizer_variables
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.parity import synthetic_data
from kerasbridge.parity.float64_fixes import cast_model
from kerasbridge.random import generator
from kerasbridge.saving import load_model

L = keras.layers


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "adafactor", "sgd"])
def test_a_model_in_another_dtype_keeps_the_state_of_its_optimizer(optimizer):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    model.compile(keras.optimizers.get({"class_name": optimizer, "config": {"weight_decay": 0.25}}), "mse")
    kb.fit(model, np.ones((8, 3), "float32"), np.zeros((8, 2), "float32"), seed=0, verbose=0)
    cast = cast_model(model, "float16")
    pairs = zip(optimizer_variables(model.optimizer), optimizer_variables(cast.optimizer), strict=True)
    for before, after in pairs:
        np.testing.assert_allclose(keras.ops.convert_to_numpy(after), keras.ops.convert_to_numpy(before), 1e-2, 1e-4)
    assert int(cast.optimizer.iterations) == 1


def test_a_model_in_another_dtype_keeps_the_names_of_inner_layers(tmp_path):
    words = keras.Input((5, 4))
    x = L.MultiHeadAttention(2, 3, dropout=0.1)(words, words)
    x = L.MultiHeadAttention(2, 3, dropout=0.1)(L.Dropout(0.5)(x), x)
    keras.Model(words, L.Bidirectional(L.LSTM(2, recurrent_initializer="zeros"))(x)).save(tmp_path / "model.keras")
    private_api("numbers in automatic names")()  # as in a new process
    model = load_model(tmp_path / "model.keras")
    cast = cast_model(model, "float16")
    assert [layer.name for layer in flatten_layers(cast)] == [layer.name for layer in flatten_layers(model)]
    assert [weight.path for weight in cast.weights] == [weight.path for weight in model.weights]


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_data_is_drawn_by_the_names_of_inputs_and_outputs_in_any_order(kind):
    b, a = keras.Input((4,), name="b"), keras.Input((3,), name="a")
    joined = L.Concatenate()([b, a])
    outputs = kind(z=L.Dense(2, name="late")(joined), y=L.Dense(5, activation="softmax", name="early")(joined))
    model = keras.Model(kind(b=b, a=a), outputs)
    model.compile("sgd", {"z": "mse", "y": "sparse_categorical_crossentropy"})
    x, y = synthetic_data.for_model(model, seed=7, rows=6)
    assert (list(x), list(y)) == (["b", "a"], ["z", "y"])
    for number, (name, width) in enumerate((("a", 3), ("b", 4)), 1):
        np.testing.assert_array_equal(x[name], generator.uniform(7, number, (6, width)))
    assert (y["y"].shape, y["y"].dtype.kind, y["z"].shape) == ((6,), "i", (6, 2))
