"""Invalid arguments are refused with one sentence before the first step, and what is valid stays accepted."""

import re

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras

pytestmark = pytest.mark.once

X, Y = np.ones((20, 4), "float32"), np.zeros(20, "int32")
VALIDATION = {"validation_data": (X, Y)}
NO_MODELS = (None, "model.keras", 5, keras.layers.Dense(3), keras.Model)
INVALID = [
    *({"epochs": value} for value in (2.5, "2", -1, None, True)),
    *({"initial_epoch": value} for value in (-1, 0.5, None)),
    *({"batch_size": value} for value in (0, -1, 2.5, "32")),
    *({"verbose": value} for value in (7, -1, "loud", 1.5, [1])),
    *({"shuffle": value} for value in ("yes", 2, np.arange(3), X)),
    *({name: value} for name in ("steps_per_epoch", "validation_steps") for value in (0, -1, 2.5, "2", True)),
    *({"validation_batch_size": value} for value in (0, 1.5, "a")),
    *({"validation_freq": value} for value in (0, -1, 1.5, "a", None, [1, "a"], np.ones(1))),
    *({"validation_split": value} for value in ("a", None, 1, -0.1)),
    *({"callbacks": value} for value in (5, "a", [None], [5], keras.callbacks.EarlyStopping, print)),
    *({"on_nonfinite": value} for value in ("halt", None, 1)),
    {"rng": "x"},
    {"seed": 1.5},
]
VALID = [
    {"verbose": False, "shuffle": np.True_, "validation_freq": (1,), "epochs": np.int64(1), "batch_size": np.int32(8)},
    {"verbose": np.int64(0), "shuffle": 0, "validation_freq": [], "callbacks": [], "steps_per_epoch": 1},
    {"verbose": 0, "shuffle": "batch", "validation_freq": {1}, "callbacks": keras.callbacks.TerminateOnNaN()},
]


def without_address(value):
    """Return the text of a value, which must be the same in every process that collects these tests."""
    return re.sub(r" at 0x\w+", "", str(value))


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("arguments", INVALID, ids=without_address)
def test_an_invalid_argument_of_fit_is_named(model, arguments):
    (name,) = arguments
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=name) as caught:
        kb.fit(model, X, Y, **{"verbose": 0, **VALIDATION, **arguments})
    assert "\n" not in str(caught.value)
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize("arguments", VALID, ids=without_address)
def test_numbers_of_numpy_and_other_forms_are_accepted(model, arguments):
    assert kb.fit(model, X, Y, **{**VALIDATION, **arguments}).history["loss"]


@pytest.mark.parametrize(
    "arguments",
    [
        *({"steps": value} for value in (0, -1, 1.5, "a")),
        {"verbose": 7},
        {"callbacks": 5},
        {"batch_size": "a"},
    ],
    ids=without_address,
)
def test_an_invalid_argument_of_evaluate_and_predict_is_named(model, arguments):
    (name,) = arguments
    with pytest.raises(ArgumentError, match=name):
        kb.evaluate(model, X, Y, **{"verbose": 0, **arguments})
    with pytest.raises(ArgumentError, match=name):
        kb.predict(model, X, **{"verbose": 0, **arguments})


@pytest.mark.parametrize("other", NO_MODELS, ids=without_address)
def test_something_else_than_a_model_is_refused(other, tmp_path):
    calls = (
        lambda: kb.fit(other, X, Y),
        lambda: kb.evaluate(other, X, Y),
        lambda: kb.predict(other, X),
        lambda: kb.reinitialize(other, 0),
        lambda: kb.export(other, tmp_path / "model.onnx"),
        lambda: kb.compare(other, backends=["torch", "jax"]),
        lambda: kb.diagnose(other, backends=["torch", "jax"]),
    )
    for call in calls:
        with pytest.raises(ArgumentError, match="model"):
            call()


def test_a_path_instead_of_a_model_is_answered_with_what_loads_it():
    with pytest.raises(ArgumentError, match=r"received 'model.keras'\. Load it with keras\.saving\.load_model"):
        kb.fit("model.keras", X, Y)
    for path in None, 5:
        with pytest.raises(ArgumentError, match="path"):
            kb.export(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), path)
