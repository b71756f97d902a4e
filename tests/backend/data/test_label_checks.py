"""Labels that count are checked; those that do not may have any value, on every backend with the same loss."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import DataError
from kerasbridge.keras_compat import keras
from tests.backend.data.test_adapters import generator
from tests.backend.models import assert_same_state, seeded

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 3)).astype("float32")
Y = RANDOM.integers(0, 4, 24).astype("int64")
WEIGHTS = np.tile([1, 0, 2, 0], 6).astype("float32")
TOKENS = np.array([[3, 1, 2, 0], [2, 2, 0, 0]] * 6)
TAGS = TOKENS % 4
PLAIN = {"verbose": 0, "seed": 0, "batch_size": 8}


def classifier(activation="softmax", **loss):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation=activation)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(**loss), weighted_metrics=["accuracy"])
    return model


def tagger():
    layers = [keras.Input((4,)), keras.layers.Embedding(4, 5, mask_zero=True), keras.layers.Dense(4, "softmax")]
    model = keras.Sequential(layers)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def fitted(build, *data, **options):
    model = seeded(build)
    return model, kb.fit(model, *data, **PLAIN, **options).history


@pytest.mark.parametrize(("marker", "dtype"), [(-1, "int64"), (255, "uint8"), (-1.0, "float32")])
def test_labels_of_weight_zero_may_have_any_value(marker, dtype):
    expected, history = fitted(classifier, X, Y, sample_weight=WEIGHTS, validation_data=(X, Y, WEIGHTS))
    marked = np.where(WEIGHTS == 0, marker, Y).astype(dtype)
    held = (X, marked[:, None], WEIGHTS)
    model, found = fitted(classifier, X, marked, sample_weight=WEIGHTS, validation_data=held)
    assert found == history
    assert_same_state(model, expected)
    streamed, found = fitted(classifier, X, marked, sample_weight=WEIGHTS, device_budget=0)
    assert_same_state(streamed, expected)
    logits = classifier(None, from_logits=True)
    assert np.isfinite(kb.evaluate(logits, generator([(X, marked, WEIGHTS)]), verbose=0)[0])


def test_labels_that_the_model_masks_may_have_any_value():
    expected, history = fitted(tagger, TOKENS, TAGS)
    model, found = fitted(tagger, TOKENS, np.where(TOKENS == 0, -1, TAGS))
    assert found == history
    assert_same_state(model, expected)
    with pytest.raises(DataError, match=r"^y contains the label -1 in row 1: the model's 4 outputs take whole numbers"):
        fitted(
            tagger, TOKENS, np.where((TOKENS == 0) | (np.arange(12) == 1)[:, None] & (TOKENS.cumsum(1) == 2), -1, TAGS)
        )


@pytest.mark.once
def test_a_negative_label_that_counts_is_named_with_what_to_pass():
    with pytest.raises(
        DataError, match=r"to leave samples out, pass ignore_class=-1 to the loss, or a sample_weight of"
    ):
        fitted(classifier, X, np.where(WEIGHTS == 0, -1, Y))
    fitted(lambda: classifier(ignore_class=-1), X, np.where(WEIGHTS == 0, -1, Y))
    with pytest.raises(DataError, match=r"^y contains the label -1 in row 3, and 5 more like it"):
        fitted(classifier, X, np.where(WEIGHTS == 0, -1, Y), sample_weight=np.arange(24) % 4 != 1)


def binary(**loss):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation=None if loss else "sigmoid")])
    model.compile("sgd", keras.losses.BinaryCrossentropy(**loss) if loss else "binary_crossentropy")
    return model


def test_labels_of_a_binary_crossentropy_are_from_0_to_1():
    message = r"^y contains the label 2\.0 in row 5: a binary crossentropy of probabilities takes numbers from 0 to 1\."
    y = np.linspace(0, 1 + 1e-6, 24, dtype="float32")[:, None]
    fitted(binary, X, y)
    y[5] = 2
    with pytest.raises(DataError, match=message):
        fitted(binary, X, y)
    assert np.isfinite(fitted(binary, X, y, sample_weight=(y[:, 0] <= 1).astype("float32"))[1]["loss"]).all()
    assert np.isfinite(fitted(lambda: binary(from_logits=True), X, y)[1]["loss"]).all()
