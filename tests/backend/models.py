"""Small models of every kind that `fit` trains, compiled and with data; none of them is random."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import kerasbridge as kb
from kerasbridge.keras_compat import keras

layers = keras.layers
ROWS, CLASSES = 800, 5


@dataclass(frozen=True)
class Case:
    """A builder of a compiled model, and a function that creates `rows` rows of x and y for it."""

    build: Callable[[], Any]
    data: Callable[[np.random.Generator, int], tuple[Any, Any]]

    def arrays(self, rows: int = ROWS) -> tuple[Any, Any]:
        """Return the same x and y at every call."""
        return self.data(np.random.default_rng(0), rows)


class OnBatchEnd(keras.callbacks.Callback):  # type: ignore[misc]
    """Call a function with (model, step) after every training batch."""

    def __init__(self, function: Callable[[Any, int], Any]) -> None:
        super().__init__()
        self.function = function

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.function(self.model, batch)


class BatchRecorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Record the step and the logs after every batch; with such a hook, blocks have one step."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.logs: list[dict[str, float]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps.append(batch)
        self.logs.append({name: float(value) for name, value in logs.items()})

    @property
    def losses(self) -> list[float]:
        """The losses of the batches so far."""
        return [logs["loss"] for logs in self.logs]


def twins(build: Callable[[], Any]) -> tuple[Any, Any]:
    """Return two models with the same initial weights and the same seeds of random layers."""
    return seeded(build), seeded(build)


def seeded(build: Callable[[], Any]) -> Any:
    """Build a model with the same initial weights as every other model built here."""
    keras.utils.set_random_seed(1)
    return build()


def state(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Return every variable of the model, its random layers and its optimizer, by position and name."""
    variables = [*model.variables, *(model.optimizer.variables if model.optimizer else [])]
    return {f"{k} {variable.path}": np.array(variable.numpy()) for k, variable in enumerate(variables)}


def assert_same_state(actual: Any, expected: Any, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Assert that the variables of two models agree; without tolerances, bit by bit."""
    for (name, value), wanted in zip(state(actual).items(), state(expected).values(), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=rtol, atol=atol, err_msg=name)


def fit_with_and_without_fast_paths(model: Any, x: Any, y: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Train a model twice from its weights; return the fast paths that were used and the new weights of each time."""
    first = model.get_weights()

    def fit(**options: Any) -> tuple[Any, Any]:
        model.set_weights(first)
        model.compile("sgd", "mse")
        history = kb.fit(model, x, y, batch_size=8, verbose=0, shuffle=False, **options)
        return history.params["fast_paths"], model.get_weights()

    return fit(), fit(fast_paths=())


def mlp(rate: float = 0.0, **compiled: Any) -> Any:
    """12 numbers to 5 classes; `compiled` is passed to `compile`."""
    hidden = [layers.Dense(32, activation="relu"), *([layers.Dropout(rate)] if rate else [])]
    model = keras.Sequential([keras.Input((12,)), *hidden, layers.Dense(CLASSES, activation="softmax")])
    defaults = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile(**{**defaults, **compiled})
    return model


def cnn(**compiled: Any) -> Any:
    """Images of 8 by 8 to 5 classes, with batch normalisation."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(6, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    defaults = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile(**{**defaults, **compiled})
    return model


def masked_lstm() -> Any:
    """Sequences of words, padded with 0 at their ends."""
    model = keras.Sequential(
        [
            keras.Input((8,), dtype="int32"),
            layers.Embedding(20, 8, mask_zero=True),
            layers.LSTM(12),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def attention() -> Any:
    """Self-attention over 6 vectors of 8, with AdamW."""
    inputs = keras.Input((6, 8))
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=4)(inputs, inputs)
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(layers.add([inputs, attended])))
    model = keras.Model(inputs, layers.Dense(CLASSES)(pooled))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adamw", loss, metrics=["accuracy"])
    return model


def two_in_two_out() -> Any:
    """Dicts as inputs and outputs, with a loss, a weight and metrics for each output."""
    inputs = {"left": keras.Input((4,), name="left"), "right": keras.Input((3,), name="right")}
    hidden = layers.Dense(16, activation="tanh")(layers.concatenate([inputs["left"], inputs["right"]]))
    kind = layers.Dense(CLASSES, activation="softmax", name="kind")(hidden)
    size = layers.Dense(1, name="size")(hidden)
    model = keras.Model(inputs, {"kind": kind, "size": size})
    model.compile(
        "adam",
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return model


def embedding() -> Any:
    """Six words to one probability."""
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(30, 8),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


@keras.saving.register_keras_serializable("kerasbridge_tests")
class Penalty(layers.Layer):  # type: ignore[misc]
    """Add the mean square of its input to the loss."""

    def call(self, inputs: Any) -> Any:
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(inputs)))
        return inputs


def added_losses() -> Any:
    """A layer that calls `add_loss`, and an activity regulariser."""
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(16, activation="relu", activity_regularizer="l2"),
            Penalty(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def regularised() -> Any:
    """Kernel and bias regularisers, and momentum."""
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.L2(0.02), bias_regularizer="l1"),
            layers.Dense(CLASSES, activation="softmax", kernel_regularizer="L1L2"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def frozen() -> Any:
    """A frozen first layer, and a frozen batch normalisation, which keeps its moving statistics."""
    model = keras.Sequential(
        [
            keras.Input((12,)),
            layers.Dense(16, activation="relu", trainable=False),
            layers.BatchNormalization(trainable=False),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _numbers(draw: np.random.Generator, rows: int, shape: tuple[int, ...] = (12,)) -> tuple[Any, Any]:
    """Return numbers in which class k is lighter in its k-th number, so that there is something to learn."""
    y = draw.integers(0, CLASSES, rows)
    x = draw.normal(size=(rows, *shape)).astype("float32")
    x.reshape(rows, -1)[np.arange(rows), y] += 2
    return x, y


def _images(draw: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return _numbers(draw, rows, (8, 8, 1))


def _vectors(draw: np.random.Generator, rows: int) -> tuple[Any, Any]:
    return _numbers(draw, rows, (6, 8))


def _padded_words(draw: np.random.Generator, rows: int) -> tuple[Any, Any]:
    words = draw.integers(1, 20, (rows, 8), dtype="int32")
    words[np.arange(8) >= draw.integers(2, 9, (rows, 1))] = 0
    return words, words[:, 0] % CLASSES


def _words(draw: np.random.Generator, rows: int) -> tuple[Any, Any]:
    words = draw.integers(0, 30, (rows, 6), dtype="int32")
    return words, (words[:, :1] > 14).astype("float32")


def _two(draw: np.random.Generator, rows: int) -> tuple[Any, Any]:
    x, kind = _numbers(draw, rows, (7,))
    return {"left": x[:, :4], "right": x[:, 4:]}, {"kind": kind, "size": x.sum(axis=1, keepdims=True)}


CASES = {
    "MLP": Case(mlp, _numbers),
    "CNN with BatchNorm": Case(cnn, _images),
    "masked LSTM": Case(masked_lstm, _padded_words),
    "attention": Case(attention, _vectors),
    "two inputs, two outputs": Case(two_in_two_out, _two),
    "embedding": Case(embedding, _words),
    "added losses": Case(added_losses, _numbers),
    "regularisers": Case(regularised, _numbers),
    "frozen layers": Case(frozen, _numbers),
}
