"""Trainings whose numbers depend on whole batches, each of few rows; all run in one process for each worker."""

import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.parity import float64_fixes

ops, L = keras.ops, keras.layers
CASES = {}


def case(function):
    """Add a function that returns arrays by name."""
    CASES[function.__name__] = function
    return function


def floats(*shape, seed=0):
    """Return the same random numbers at every call."""
    return np.random.default_rng(seed).normal(size=shape).astype(keras.config.floatx())


def labels(rows, classes, seed=1):
    """Return the same random labels at every call."""
    return np.random.default_rng(seed).integers(0, classes, rows)


def compiled(layers, loss="sparse_categorical_crossentropy", **options):
    """Return a compiled model of these layers, with the same weights at every call."""
    model = keras.Sequential(layers) if isinstance(layers, list) else layers
    kb.reinitialize(model, 3)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, **options)
    return model


def train(model, *data, **options):
    """Train, and return the history and the variables."""
    history = kb.fit(model, *data, **{"batch_size": 12, "epochs": 2, "seed": 1, "verbose": 0, **options})
    return {**history.history, "weights": variables_of(model.variables)}


def variables_of(variables):
    """Return the floating-point variables in one array."""
    arrays = [np.ravel(keras.ops.convert_to_numpy(each.value)) for each in variables if "float" in each.dtype]
    return np.concatenate(arrays)


@case
def dropout_and_a_small_last_batch():
    model = compiled([keras.Input((8,)), L.Dense(16, "relu"), L.Dropout(0.3), L.Dense(3, "softmax")])
    return train(model, floats(61, 8), labels(61, 3))


@case
def batch_normalization():
    layers = [L.Conv2D(4, 3, use_bias=False), L.BatchNormalization(), L.ReLU(), L.GaussianNoise(0.1), L.Flatten()]
    layers = [keras.Input((6, 6, 2)), *layers, L.Dense(8), L.BatchNormalization(renorm=True), L.Dense(3, "softmax")]
    return train(compiled(layers), floats(64, 6, 6, 2), labels(64, 3), batch_size=16, validation_split=0.2)


@case
def masks():
    tokens = labels((50, 5), 6) * (np.arange(5) < labels(50, 6, seed=5)[:, None])
    layers = [
        keras.Input((5,)),
        L.Embedding(6, 4, mask_zero=True),
        L.BatchNormalization(),
        L.LSTM(4, return_sequences=True),
    ]
    model = compiled([*layers, L.Dense(3, "softmax")], metrics=["accuracy"], weighted_metrics=["accuracy"])
    return train(model, tokens, labels((50, 5), 3), sample_weight=np.abs(floats(50, 5)), validation_split=0.2)


@case
def loss_that_is_a_sum():
    model = compiled([keras.Input((8,)), L.Dense(3)], keras.losses.MeanSquaredError(reduction="sum"))
    model.optimizer.learning_rate = 0.001
    return train(model, floats(61, 8), floats(61, 3))


@case
def loss_that_is_a_mean_by_weights():
    model = compiled([keras.Input((8,)), L.Dense(3)], keras.losses.Huber(reduction="mean_with_sample_weight"))
    return train(model, floats(61, 8), floats(61, 3), sample_weight=np.abs(floats(61)))


class AddsLosses(L.Layer):
    """Layer that adds a mean over rows, and a value for each row."""

    def call(self, x):
        self.add_loss(0.1 * ops.mean(ops.square(x)))
        self.add_loss(0.01 * ops.sum(ops.abs(x), axis=-1))
        return x


@case
def added_losses():
    regularized = L.Dense(6, "tanh", kernel_regularizer="l2", activity_regularizer=keras.regularizers.L1(0.1))
    model = compiled([keras.Input((8,)), regularized, AddsLosses(), L.Dense(3)], "mse", run_eagerly=True)
    return train(model, floats(61, 8), floats(61, 3), validation_split=0.2)


class Largest(keras.metrics.Metric):
    """The largest prediction so far, which is no sum over rows."""

    def __init__(self):
        super().__init__(name="largest")
        self.largest = self.add_weight(name="largest", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign(ops.maximum(self.largest, ops.max(y_pred)))

    def result(self):
        return self.largest


def spread(y_true, y_pred):
    """Return one number for a batch, which is no mean over rows."""
    return ops.max(y_pred) - ops.min(y_pred)


def mean_error(y_true, y_pred):
    """Return one number for a batch, the mean over rows."""
    return ops.mean(ops.abs(y_true - y_pred))


@case
def metrics():
    inputs = keras.Input((8,))
    outputs = {"a": L.Dense(1, "sigmoid", name="a")(inputs), "b": L.Dense(3, name="b")(inputs)}
    of_a = [keras.metrics.AUC(name="auc"), "accuracy", keras.metrics.Precision(name="precision"), Largest(), "mse"]
    model = compiled(
        keras.Model(inputs, outputs),
        {"a": "binary_crossentropy", "b": "mse"},
        loss_weights={"a": 1.0, "b": 0.5},
        metrics={"a": of_a, "b": [spread, mean_error, keras.metrics.R2Score(name="r2")]},
        weighted_metrics={"a": ["mae"], "b": ["mae"]},
    )
    y = {"a": labels((61, 1), 2), "b": floats(61, 3)}
    trained = train(model, floats(61, 8), y, sample_weight=np.abs(floats(61)), validation_split=0.2)
    evaluated = kb.evaluate(model, floats(61, 8), y, batch_size=12, verbose=0, return_dict=True)
    predicted = kb.predict(model, floats(61, 8), batch_size=12, verbose=0)
    return {**trained, **{f"evaluated {name}": value for name, value in evaluated.items()}, **predicted}


@case
def attention():
    inputs = keras.Input((5, 8))
    x = L.LayerNormalization()(inputs + L.MultiHeadAttention(2, 4, dropout=0.2)(inputs, inputs))
    model = compiled(keras.Model(inputs, L.Dense(3, "softmax")(L.GlobalAveragePooling1D()(x))))
    return train(model, floats(61, 5, 8), labels(61, 3))


class Adversarial(keras.Model):
    """Generator and critic with optimizers of their own."""

    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential([keras.Input((4,)), L.Dense(8), L.BatchNormalization(), L.Dense(6)])
        self.critic = keras.Sequential([keras.Input((6,)), L.Dense(8, "tanh"), L.Dropout(0.2), L.Dense(1)])
        self.accuracy = keras.metrics.BinaryAccuracy(name="accuracy")
        self.seeds = keras.random.SeedGenerator(5)
        self.of_critic, self.of_generator = keras.optimizers.Adam(0.01), keras.optimizers.SGD(0.05)

    def call(self, x):
        return self.critic(x)


def critic_step(model, batch):
    noise = keras.random.normal((batch.x.shape[0], 4), seed=model.seeds)
    made = model.generator(noise, training=True)
    mixed = 0.5 * (made + batch.x)
    slopes = kb.grad(lambda rows: ops.sum(model.critic(rows)))(mixed)
    penalty = ops.mean(ops.square(ops.norm(slopes, axis=-1) - 1))
    loss = ops.mean(model.critic(made, training=True)) - ops.mean(model.critic(batch.x, training=True))
    model.accuracy.update_state(ops.ones((batch.x.shape[0], 1)), ops.sigmoid(model.critic(batch.x)))
    objective = kb.Objective(loss + penalty, model.critic, model.of_critic)
    return {"critic": objective}, {"penalty": penalty, "accuracy": model.accuracy}


def generator_step(model, batch):
    noise = keras.random.normal((batch.x.shape[0], 4), seed=model.seeds)
    loss, gradients = kb.value_and_grad(
        lambda: -ops.mean(model.critic(model.generator(noise, training=True))), model.generator
    )
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
    gradients = [gradient / ops.maximum(norm, 0.1) for gradient in gradients]
    return {"generator": kb.Objective(loss, model.generator, model.of_generator, gradients)}, {"norm": norm}


@case
def own_step_with_two_optimizers():
    model = Adversarial()
    model.build((None, 6))
    kb.reinitialize(model, 3)
    return train(model, floats(61, 6), step=[critic_step, generator_step])


def step_with_means(model, batch, training):
    predictions = model(batch.x, training=training)
    error = ops.mean(ops.square(predictions - batch.y))
    model.tracker.update_state(error)
    model.largest.update_state(batch.y, predictions)
    compiled = model.compute_metrics(batch.x, batch.y, predictions, None)
    return error, {"tracked": model.tracker, "most": model.largest, "mean": ops.mean(predictions), **compiled}


@case
def own_step_that_evaluates():
    model = compiled([keras.Input((8,)), L.Dense(8), L.Dropout(0.2), L.Dense(3)], "mse", metrics=["mae", spread])
    model.tracker, model.largest = keras.metrics.Mean(name="tracker"), Largest()
    trained = train(model, floats(61, 8), floats(61, 3), step=step_with_means, validation_split=0.2)
    evaluated = kb.evaluate(model, floats(61, 8), floats(61, 3), step=step_with_means, verbose=0)
    return {**trained, "evaluated": evaluated}


@case
def a_row_that_is_not_finite():
    model = compiled([keras.Input((8,)), L.Dense(8), L.BatchNormalization(), L.Dense(3)], "mse")
    return train(model, *with_a_nan(), on_nonfinite="skip")


def with_a_nan():
    """Return data of which the last row is not finite."""
    x = floats(48, 8)
    x[-1, 2] = np.nan
    return x, floats(48, 3)


class Batches(keras.utils.PyDataset):
    """Batches of 12 rows, the last of them smaller."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = slice(12 * index, 12 * index + 12)
        return floats(55, 8)[rows], labels(55, 3)[rows]


def generator():
    while True:
        yield from (Batches()[index] for index in range(5))


def streamed(read):
    """Return the case of a training on batches."""

    def run():
        model = compiled([keras.Input((8,)), L.Dense(8), L.BatchNormalization(), L.Dense(3, "softmax")])
        trained = train(model, read(), batch_size=None, steps_per_epoch=5)
        predicted = kb.predict(model, read(), steps=5, verbose=0)
        return {**trained, "evaluated": kb.evaluate(model, read(), steps=5, verbose=0), "predicted": predicted}

    return run


def on_disk():
    """Return rows in a file, which are read batch by batch."""
    with tempfile.TemporaryDirectory() as folder:
        file = np.memmap(Path(folder, "x"), floats(1).dtype, "w+", shape=(55, 8))
        file[:] = floats(55, 8)
        return file


CASES["pydataset"] = streamed(Batches)
CASES["generator"] = streamed(generator)


@case
def rows_on_a_disk():
    model = compiled([keras.Input((8,)), L.Dense(8), L.BatchNormalization(), L.Dropout(0.1), L.Dense(3, "softmax")])
    trained = train(model, on_disk(), labels(55, 3))
    return {**trained, "predicted": kb.predict(model, on_disk(), batch_size=12, verbose=0)}


class Drifting(L.Layer):
    """Layer that remembers the mean of the rows that it was given."""

    def build(self, shape):
        self.latest = self.add_weight(shape=(), initializer="zeros", trainable=False, name="latest")

    def call(self, x, training=False):
        self.latest.assign(ops.mean(x))
        return x


def error_of(function, *arguments, **options):
    """Return the type and the message of the error that a call raises."""
    try:
        function(*arguments, **options)
    except Exception as error:
        return type(error).__name__, str(error)
    return None


def train_with(*layers):
    """Train a model with these layers."""
    layers = [keras.Input((4, 4, 1), batch_size=12), *layers, L.Flatten(), L.Dense(2)]
    return train(compiled(layers, "mse"), floats(24, 4, 4, 1), floats(24, 2))


def stopped():
    """Return the error of a training that ends at the first loss that is not finite."""
    model = compiled([keras.Input((8,)), L.Dense(3)], "mse")
    return error_of(train, model, *with_a_nan(), on_nonfinite="stop")


def differing():
    """Yield batches that are others on each worker."""
    while True:
        yield floats(12, 8, seed=int(os.environ["RANK"])), floats(12, 3)


def between_rows(y_true, y_pred):
    """Return a loss that compares rows with each other, as contrastive losses do."""
    products = ops.matmul(y_pred, ops.transpose(y_pred))
    return ops.mean(ops.square(products - ops.matmul(y_true, ops.transpose(y_true))))


def warned():
    """Return the warnings of a training whose loss is no mean over rows, and of one whose loss is."""
    return [warnings_of(loss) for loss in (between_rows, "mse")]


def warnings_of(loss):
    """Return what a training with this loss logs."""
    found = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())
    logging.getLogger("kerasbridge").addHandler(handler)
    train(compiled([keras.Input((8,)), L.BatchNormalization(), L.Dense(3)], loss), floats(24, 8), floats(24, 3))
    logging.getLogger("kerasbridge").removeHandler(handler)
    return found


def limits():
    """Return the errors of what several workers cannot compute as one does."""
    model = compiled([keras.Input((8,)), L.Dense(3)], "mse")
    states = L.Reshape((4, 4)), L.SimpleRNN(3, stateful=True)
    return {
        "drifting": error_of(train_with, Drifting()),
        "shuffled": error_of(train_with, L.Lambda(lambda x: keras.random.shuffle(x, seed=1))),
        "differing": error_of(train, model, differing(), batch_size=None, steps_per_epoch=2),
        "stateful": error_of(train_with, *states),
    }


def run(names=None, dtype="float64"):
    """Return the results of cases by name."""
    float64_fixes.set_dtype(dtype, correct_leaks=dtype == "float64")
    return {name: CASES[name]() for name in names or CASES}


if __name__ == "__main__":
    from tests.distributed.workers import report

    report((run(sys.argv[2:], sys.argv[1]), limits(), stopped(), warned()))
