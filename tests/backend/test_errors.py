"""Invalid input of `fit`, `evaluate` and `predict` raises the same exception with the same text on every backend."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from tests.backend.models import CASES, assert_same_state, mlp, seeded

X, Y = CASES["MLP"].arrays(64)
OUTSIDE, NEGATIVE = np.where(np.arange(64) == 9, 5, Y), np.where(np.arange(64) == 9, -1, Y)


WRONG = {
    "unequal lengths": (lambda m: kb.fit(m, X, Y[:60]), DataError, "x has 64 rows but y has 60"),
    "unequal weights": (
        lambda m: kb.fit(m, X, Y, sample_weight=np.ones(63)), DataError, "x has 64 rows but sample_weight has 63",
    ),
    "unequal validation": (
        lambda m: kb.fit(m, X, Y, validation_data=(X, Y[:5])), DataError, "x has 64 rows but y has 5",
    ),
    "empty arrays": (lambda m: kb.fit(m, X[:0], Y[:0]), DataError, "x has 0 rows"),
    "empty validation": (lambda m: kb.fit(m, X, Y, validation_data=(X[:0], Y[:0])), DataError, "x has 0 rows"),
    "no x": (lambda m: kb.fit(m), DataError, "or a Ray Data shard; received NoneType."),
    "label too large": (
        lambda m: kb.fit(m, X, OUTSIDE), DataError,
        "y contains the label 5 in row 9: the model's 5 outputs take whole numbers from 0 to 4",
    ),
    "label below zero": (lambda m: kb.fit(m, X, NEGATIVE), DataError, "y contains the label -1 in row 9"),
    "label in a last row": (
        lambda m: kb.fit(m, X, np.append(Y[:-1], 7)), DataError, "y contains the label 7 in row 63",
    ),
    "label of the validation": (
        lambda m: kb.fit(m, X, Y, validation_data=(X, OUTSIDE)), DataError, "y contains the label 5 in row 9",
    ),
    "label to evaluate": (lambda m: kb.evaluate(m, X, OUTSIDE), DataError, "y contains the label 5 in row 9"),
    "batch size 0": (lambda m: kb.fit(m, X, Y, 0), ArgumentError, "batch_size must be a whole number of 1 or more"),
    "batch size to evaluate": (
        lambda m: kb.evaluate(m, X, Y, -1), ArgumentError, "a whole number of 1 or more; received -1",
    ),
    "batch size to predict": (
        lambda m: kb.predict(m, X, 0), ArgumentError, "batch_size must be a whole number of 1 or more; received 0",
    ),
    "validation batch size 0": (
        lambda m: kb.fit(m, X, Y, validation_data=(X, Y), validation_batch_size=-2), ArgumentError,
        "batch_size must be a whole number of 1 or more; received -2",
    ),
    "negative epochs": (
        lambda m: kb.fit(m, X, Y, epochs=-1), ArgumentError, "epochs must be a whole number of 0 or more; received -1",
    ),
    "split of 1": (
        lambda m: kb.fit(m, X, Y, validation_split=1.0), ArgumentError, "validation_split must be a number from 0",
    ),
    "split that leaves nothing": (
        lambda m: kb.fit(m, X[:2], Y[:2], validation_split=0.9), ArgumentError, "leaves 0 of 2 rows to train on",
    ),
    "seed": (lambda m: kb.fit(m, X, Y, seed=-1), ArgumentError, "seed must be a whole number from 0 to 4294967295"),
    "rng": (
        lambda m: kb.fit(m, X, Y, rng="best"), ArgumentError, "rng to be one of portable, native, received 'best'",
    ),
    "strings": (lambda m: kb.fit(m, np.array(["a"] * 64), Y), DataError, "x to be numbers, received text such as 'a'"),
    "objects": (
        lambda m: kb.fit(m, np.array([None] * 64), Y), DataError, "x has a missing value in row 0, where numbers",
    ),
    "a single number": (
        lambda m: kb.fit(m, np.float32(3), Y), DataError, "x to have a row per sample, received a single value",
    ),
    "both weights": (
        lambda m: kb.fit(m, X, Y, sample_weight=np.ones(64), class_weight={0: 2.0}), ArgumentError,
        "Expected sample_weight or class_weight, received both",
    ),
    "validation as one array": (
        lambda m: kb.fit(m, X, Y, validation_data=X), ArgumentError, "Expected validation_data=(x, y) or",
    ),
    "strings to predict": (lambda m: kb.predict(m, "images"), DataError, "Expected x to be arrays"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_raises_one_sentence_and_changes_nothing(what, backend):
    if what == "strings" and backend == "tensorflow":
        pytest.skip("TensorFlow has string tensors: the model decides")
    call, error, text = WRONG[what]
    model, untouched = seeded(mlp), seeded(mlp)
    with pytest.raises(error) as caught:
        call(model)
    assert type(caught.value) is error
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_same_weights(model, untouched)


def assert_same_weights(model, untouched):
    for value, expected in zip(model.get_weights(), untouched.get_weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("call", [lambda m: kb.fit(m, X, Y), lambda m: kb.evaluate(m, X, Y)])
def test_a_model_that_is_not_compiled_is_rejected(call):
    model = keras.Sequential([keras.Input((12,)), keras.layers.Dense(5)])
    with pytest.raises(ArgumentError, match=r"^Expected a compiled model\. Call model\.compile") as caught:
        call(model)
    assert type(caught.value) is ArgumentError


def test_a_model_works_after_an_error():
    model, other = seeded(mlp), seeded(mlp)
    with pytest.raises(DataError):
        kb.fit(model, X, OUTSIDE, verbose=0, seed=1)
    kb.fit(model, X, Y, verbose=0, seed=1)
    kb.fit(other, X, Y, verbose=0, seed=1)
    assert_same_state(model, other)


@pytest.mark.parametrize("ignored", [-1, 255])
def test_the_ignored_class_is_a_valid_label(ignored):
    labels = np.where(np.arange(64) % 8 == 0, ignored, Y)
    model = mlp(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=ignored), metrics=[])
    history = kb.fit(model, X, labels, verbose=0, validation_data=(X, labels))
    assert np.isfinite([*history.history["loss"], *history.history["val_loss"]]).all()


def test_a_wrong_label_of_one_of_two_outputs_is_named():
    case = CASES["two inputs, two outputs"]
    x, y = case.arrays(40)
    y["kind"][3] = 17
    with pytest.raises(DataError, match=r"^y\['kind'\] contains the label 17 in row 3"):
        kb.fit(case.build(), x, y, verbose=0)


def test_a_batch_larger_than_the_data_is_one_batch():
    model = mlp()
    kb.fit(model, X, Y, batch_size=1000, verbose=0)
    assert int(model.optimizer.iterations) == 1


def sequences(loss="mse", **compiled):
    layers = [keras.Input((5, 3)), keras.layers.Masking(), keras.layers.Dense(2, kernel_initializer="ones")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.0), loss, **compiled)
    return model


RANDOM = np.random.default_rng(0)
PADDED = RANDOM.normal(size=(8, 5, 3)).astype("float32")
PADDED[::2, 3:] = 0
TARGETS = RANDOM.normal(size=(8, 5, 2)).astype("float32")
WEIGHTS = np.arange(8, dtype="float32")


@pytest.mark.parametrize("rows", [8, 5], ids=["", "as many rows as positions"])
def test_a_weight_per_sample_is_refused_where_the_loss_has_one_per_position(rows):
    message = (
        rf"received the shape \({rows},\) where the loss has the shape \({rows}, 5\): pass an array of the shape "
        r"\(samples, 5\), such as np.broadcast_to\(sample_weight\[:, None\], \(len\(sample_weight\), 5\)\)\."
    )
    for model in (sequences(), keras.Sequential(sequences().layers[1:])):
        model.compile("sgd", "mse")
        for call in (kb.fit, kb.evaluate):
            with pytest.raises(DataError, match=message):
                call(model, PADDED, TARGETS, batch_size=rows, sample_weight=WEIGHTS, verbose=0)


def test_weights_and_a_mask_multiply_each_loss_and_leave_the_weights_of_metrics():
    errors, mask = PADDED.sum(-1, keepdims=True) - TARGETS, PADDED.any(-1)
    for weights in (WEIGHTS[:, None], np.broadcast_to(WEIGHTS[:, None], (8, 5))):
        model = sequences(weighted_metrics=["mae"])
        found = kb.evaluate(model, PADDED, TARGETS, 4, sample_weight=weights, return_dict=True, verbose=0)
        scale = np.repeat([mask[:4].sum(), mask[4:].sum()], 4)[:, None]
        loss = (mask * weights * np.square(errors).mean(-1) / scale).sum() / 2
        used = mask * weights
        assert found["loss"] == pytest.approx(loss, rel=1e-5)
        weighted = (used * np.abs(errors).mean(-1)).sum() / used.sum()
        assert found["mae"] == pytest.approx(weighted, rel=1e-5)


WITHOUT_Y = {
    "loss by name": ({"loss": "mse"}, "the loss mse"),
    "loss function": ({"loss": lambda _, prediction: keras.ops.mean(prediction)}, "the loss <lambda>"),
    "loss object": ({"loss": keras.losses.Huber()}, "the loss huber_loss"),
    "metric": ({"loss": None, "metrics": ["mae"]}, "the metric mae"),
}


@pytest.mark.parametrize("what", WITHOUT_Y)
def test_missing_targets_are_named(what):
    compiled, user = WITHOUT_Y[what]
    model = sequences(**compiled)
    for call in (lambda: kb.fit(model, PADDED), lambda: kb.evaluate(model, [(PADDED,)])):
        with pytest.raises(DataError, match=f"^Expected y, which {user} of the model needs, received x alone"):
            call()


class OwnLoss(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return keras.ops.mean(y_pred)


class OwnMetric(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(keras.ops.mean(y_pred))


def test_what_needs_no_targets_trains_without():
    model = sequences(loss=OwnLoss(), metrics=[OwnMetric(name="own")])
    expected = pytest.approx(PADDED.sum(-1).mean(), rel=1e-5)
    assert kb.fit(model, PADDED, verbose=0).history == {"loss": [expected], "own": [expected]}
