"""The first mistakes of a new user: each is one sentence that states what to do, the same on every backend."""

import logging

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.errors import ArgumentError, DataError, DeviceError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.user_scripts import call_script
from kerasbridge.runtime.device import Device
from tests.backend.models import CASES, embedding, mlp, two_in_two_out

layers = keras.layers
X, Y = CASES["MLP"].arrays(32)
NAN = np.where(np.arange(32)[:, None] == 17, np.float32("nan"), X)
WORDS, SPAM = CASES["embedding"].arrays(32)
TOO_LARGE = np.where((np.arange(32) == 5)[:, None] & (np.arange(6) == 2), 30, WORDS)
TEXT = "Expected x to be numbers, received text such as 'red'. Number the values"


class Overriding(keras.Model):
    """A model that Keras trains."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(5, activation="softmax")

    def call(self, x):
        return self.dense(x)

    def train_step(self, *arguments):
        return super().train_step(*arguments)


def overriding():
    model = Overriding()
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def shared_embedding():
    """Two inputs and one embedding."""
    left, right = keras.Input((6,), dtype="int32", name="left"), keras.Input((6,), dtype="int32", name="right")
    words = layers.Embedding(30, 4, name="words")
    joined = layers.Flatten()(layers.add([words(left), words(right)]))
    model = keras.Model({"left": left, "right": right}, layers.Dense(1, activation="sigmoid")(joined))
    model.compile("sgd", "binary_crossentropy")
    return model


class Words(layers.Layer):
    """An embedding of words and one of their positions."""

    def __init__(self):
        super().__init__()
        self.words, self.positions = layers.Embedding(30, 4, name="words"), layers.Embedding(6, 4)

    def call(self, x):
        return self.words(x) + self.positions(keras.ops.arange(6))


class Subclassed(keras.Model):
    """A model whose embedding is in a layer of it."""

    def __init__(self):
        super().__init__()
        self.words, self.flat, self.out = Words(), layers.Flatten(), layers.Dense(1, activation="sigmoid")

    def call(self, inputs):
        return self.out(self.flat(self.words(inputs["text"])))


def subclassed():
    model = Subclassed()
    model.compile("sgd", "binary_crossentropy")
    return model


def with_own_layer():
    inputs = keras.Input((6,), dtype="int32")
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.Flatten()(Words()(inputs))))
    model.compile("sgd", "binary_crossentropy")
    return model


def own_step(model, batch):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(batch.y, model(batch.x)))


def table():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"size": np.arange(32.0), "colour": ["red", "blue"] * 16})


def sized():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(5, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def loader_of_dicts():
    torch = pytest.importorskip("torch")
    return torch.utils.data.DataLoader([{"pixels": x, "label": int(y)} for x, y in zip(X, Y, strict=True)])


def module():
    return pytest.importorskip("torch").nn.Linear(12, 5)


def batches(*arrays):
    return (tuple(array[at : at + 8] for array in arrays) for at in range(0, 32, 8))


SWAPPED = "Expected x, then y, received them the other way round: the model takes rows of the shape (12,)"
MODEL_FIRST = "The model comes first: kb.fit(model, x, y)."
INDEX = "contains the index 30 in row 5: the Embedding "
WRONG = {
    "no y": (mlp, lambda m: kb.fit(m, X), DataError, "Expected y, which the loss sparse_categorical_crossentropy of"),
    "no y, own step": (mlp, lambda m: kb.fit(m, X, step=own_step), DataError, "Expected y, which the step uses"),
    "no y, Keras trains": (overriding, lambda m: kb.fit(m, X), DataError, "Expected y, which the loss sparse_categ"),
    "a tuple": (mlp, lambda m: kb.fit(m, (X, Y)), DataError, "a tuple of two as x alone. Pass them as two arguments"),
    "x, model, y": (mlp, lambda m: kb.fit(X, m, Y), ArgumentError, MODEL_FIRST),
    "x, y, model": (mlp, lambda m: kb.evaluate(X, Y, m), ArgumentError, MODEL_FIRST),
    "y, x": (mlp, lambda m: kb.fit(m, Y, X), DataError, SWAPPED),
    "y, x to evaluate": (mlp, lambda m: kb.evaluate(m, Y, X), DataError, SWAPPED),
    "module": (module, lambda m: kb.fit(m, X, Y), ArgumentError, "A torch.nn.Module is not one: build the layers in"),
    "layer": (lambda: layers.Dense(5), lambda m: kb.fit(m, X, Y), ArgumentError, "A layer becomes a model in keras."),
    "class": (lambda: Overriding, lambda m: kb.predict(m, X), ArgumentError, "Create it first: Overriding(…)."),
    "callback by name": (
        mlp, lambda m: kb.fit(m, X, Y, callbacks=["EarlyStopping"]), ArgumentError,
        "received 'EarlyStopping': write keras.callbacks.EarlyStopping(…).",
    ),
    "function as callback": (
        mlp, lambda m: kb.fit(m, X, Y, callbacks=[own_step]), ArgumentError, "write keras.callbacks.LambdaCallback(",
    ),
    "index": (embedding, lambda m: kb.fit(m, TOO_LARGE, SPAM), DataError, f"x {INDEX}"),
    "index in batches": (embedding, lambda m: kb.fit(m, batches(TOO_LARGE, SPAM)), DataError, f"x {INDEX}"),
    "index to evaluate": (embedding, lambda m: kb.evaluate(m, TOO_LARGE * 1.0, SPAM), DataError, f"x {INDEX}"),
    "index to predict": (embedding, lambda m: kb.predict(m, TOO_LARGE), DataError, f"x {INDEX}"),
    "index of an input": (
        shared_embedding, lambda m: kb.fit(m, {"right": TOO_LARGE, "left": WORDS}, SPAM), DataError,
        f"x['right'] {INDEX}'words' takes whole numbers from 0 to 29. Number the entries from 0, or raise its input_d",
    ),
    "index in a layer": (with_own_layer, lambda m: kb.fit(m, TOO_LARGE, SPAM), DataError, f"x {INDEX}'words'"),
    "index in a subclassed model": (
        subclassed, lambda m: kb.fit(m, {"text": TOO_LARGE}, SPAM), DataError, f"x['text'] {INDEX}'words'",
    ),
    "text column": (sized, lambda m: kb.fit(m, table(), Y), DataError, f"column 'colour' of x: {TEXT}"),
    "text column to predict": (sized, lambda m: kb.predict(m, table()), DataError, f"column 'colour' of x: {TEXT}"),
    "text in a dict": (
        two_in_two_out, lambda m: kb.fit(m, {"left": X[:, :4], "right": table()["colour"]}, Y), DataError,
        f"x['right']: {TEXT}",
    ),
    "text as y": (mlp, lambda m: kb.fit(m, X, table()["colour"]), DataError, "Expected y to be numbers, received text"),
    "dates": (
        sized, lambda m: kb.fit(m, table().assign(colour=np.datetime64("2026-11-30")), Y), DataError,
        "column 'colour' of x: Expected x to be numbers, received dtype datetime64",
    ),
    "swapped validation": (
        mlp, lambda m: kb.fit(m, X, Y, validation_data=(Y, X)), DataError, f"validation_data: {SWAPPED}",
    ),
    "validation lengths": (
        mlp, lambda m: kb.fit(m, X, Y, validation_data=(X, Y[:5])), DataError, "validation_data: x has 32 rows but y",
    ),
    "validation shape": (
        mlp, lambda m: kb.fit(m, X, Y, validation_data=(X[:, :3], Y)), DataError,
        "validation_data: Expected x with rows of the shape (12,), which the model takes, received (3,).",
    ),
    "validation label": (
        mlp, lambda m: kb.fit(m, X, Y, validation_split=0.5, validation_data=(X, Y + 1)), DataError,
        "validation_data: y contains the label 5",
    ),
    "loader of dicts": (
        mlp, lambda m: kb.fit(m, loader_of_dicts()), DataError,
        "Expected batches that are tuples (x, y), received dicts with 'pixels', 'label'. Let the dataset return tuples",
    ),
    "dicts": (
        mlp, lambda m: kb.evaluate(m, ({"pixels": X, "label": Y} for _ in range(3))), DataError,
        "received dicts with 'pixels', 'label'. Let the dataset return tuples, or pass a generator of them: ((batch[",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def built():
    """The models, each built once: no case changes one."""
    return {}


@pytest.mark.parametrize("what", WRONG)
def test_a_first_mistake_is_one_sentence(what, built):
    build, call, error, text = WRONG[what]
    model = built.setdefault(build, build())
    with pytest.raises(error) as caught:
        call(model)
    assert type(caught.value) is error
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nan_in_x_is_one_warning_before_the_first_step(built, caplog):
    seen = []
    first = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: seen.extend(caplog.messages))
    model = mlp()
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        kb.fit(model, NAN, Y, epochs=2, verbose=0, callbacks=[first])
    assert caplog.messages == seen
    (message,) = seen
    assert message.startswith("kerasbridge: x contains 12 NaN and 0 infinite values, the first in row 17, which makes")
    caplog.clear()
    assert np.isnan(kb.evaluate(sized(), NAN[:, :2], Y, verbose=0))
    assert len(caplog.messages) == 1
    caplog.clear()
    kb.fit(mlp(), NAN, Y, verbose=0, on_nonfinite="ignore")
    assert caplog.messages == []


def test_negative_indices_of_an_embedding_count_from_its_end():
    model = embedding()
    expected = kb.predict(model, WORDS, verbose=0)
    np.testing.assert_array_equal(kb.predict(model, WORDS - 30, verbose=0), expected)


def test_a_device_that_is_missing_is_named_as_it_was_typed():
    engine = engines.current()
    if any(name.startswith("gpu") for name in engine.devices()):
        pytest.skip("there is a gpu here")
    with pytest.raises(
        DeviceError, match=r"received 'gpu', which is cuda\. Available: cpu\. Choose one with --device,"
    ):
        engine.set_device(Device.parse("cuda"))


def test_a_model_in_a_strategy_is_refused(backend):
    if backend != "tensorflow":
        pytest.skip("a strategy of TensorFlow")
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["cpu:0"])
    with strategy.scope():
        model = mlp()
        with pytest.raises(DeviceError, match="received one that was built in the scope of a MirroredStrategy"):
            kb.fit(model, X, Y, verbose=0)
    for call in (lambda: kb.evaluate(model, X, Y), lambda: kb.predict(model, X)):
        with pytest.raises(DeviceError, match=r"Build it outside of the scope, or train it with model\.fit"):
            call()


TRAINS = """
import keras, numpy as np
import kerasbridge as kb
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
def build():
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    return model
"""


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("build()", "trains a model"),
        ("kb.fit(model, np.ones((4, 2)), np.ones((4, 1)))", "trains or runs a model"),
        ("kb.compare()", "compares backends"),
    ],
)
def test_a_script_that_trains_when_it_is_imported_is_refused(line, action, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(TRAINS)
    assert isinstance(call_script(f"{path}:build"), keras.Model)
    path.write_text(f"{TRAINS}\n{line}")
    with pytest.raises(ArgumentError) as caught:
        call_script(f"{path}:build")
    assert f"found that it {action}. Put the lines that do under `if __name__" in str(caught.value)
