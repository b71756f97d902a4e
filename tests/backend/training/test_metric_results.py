"""Metrics whose result is a dict, a vector, a matrix or a variable: compiled, with the values that Keras gives."""

import csv

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.models import seeded

layers, ops = keras.layers, keras.ops
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 4)).astype("float32")
Y = RANDOM.normal(size=(64, 2)).astype("float32")


class Sums(keras.metrics.Metric):
    """Sums of each column of the predictions; `read` makes the result from the metric."""

    def __init__(self, read, name="sums"):
        super().__init__(name=name)
        self.read = read
        self.sums = self.add_variable((2,), "zeros", name="sums")
        self.rows = self.add_variable((), "zeros", name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.sums.assign_add(ops.sum(y_pred, axis=0))
        self.rows.assign_add(ops.cast(ops.shape(y_pred)[0], "float32"))

    def result(self):
        return self.read(self)


RESULTS = {
    "variable": lambda m: m.rows,
    "variable of a vector": lambda m: m.sums,
    "vector": lambda m: m.sums / m.rows,
    "view of a variable": lambda m: ops.reshape(m.sums, (2, 1)),
    "matrix": lambda m: m.sums[:, None] * m.sums[None],
    "stacked variables": lambda m: ops.stack([m.rows, m.rows]),
    "list of variables": lambda m: [m.sums, m.sums],
    "dict": lambda m: {"rows": m.rows, "mean": ops.sum(m.sums) / m.rows},
    "nested dict": lambda m: {"b": {"each": m.sums, "deep": {"rows": m.rows}}, "a": m.sums[0]},
}


class Logs(keras.callbacks.Callback):
    """The logs of each batch."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append(logs)


def build(read, **options):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.01), "mse", metrics=[Sums(read)], **options)
    return model


def expected_from_numpy(read, model):
    """Return the results for the predictions of a model, computed once more outside `fit`."""
    metric = Sums(read)
    metric.update_state(Y, ops.convert_to_tensor(model.predict(X, verbose=0)))
    return flat({"sums": metric.result()})


def flat(logs):
    found = {}
    for name, value in logs.items():
        found.update(flat(value) if isinstance(value, dict) else {name: np.array(ops.convert_to_numpy(value))})
    return found


def assert_close(actual, expected):
    assert sorted(actual) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", RESULTS)
def test_the_result_is_logged_compiled_as_of_its_step(name):
    read = RESULTS[name]
    plain, compiled = (seeded(lambda eager=eager: build(read, run_eagerly=eager)) for eager in (True, False))
    logs = Logs()
    options = {"shuffle": False, "verbose": 0, "batch_size": 16}
    expected = kb.fit(plain, X, Y, epochs=2, **options)
    history = kb.fit(compiled, X, Y, epochs=1, validation_data=(X, Y), **options)
    kb.fit(compiled, X, Y, initial_epoch=1, epochs=2, callbacks=[logs], **options)
    assert history.params["execution"] != "eager"
    first = {key: values[0] for key, values in expected.history.items()}
    second = {key: values[1] for key, values in expected.history.items()}
    trained = {key: values[0] for key, values in history.history.items() if not key.startswith("val_")}
    assert_close(trained, first)
    assert_close(logs.logs[-1], second)
    assert not np.allclose(*(np.mean(list(each.values())[-1]) for each in (logs.logs[0], logs.logs[-1])))
    scores = kb.evaluate(compiled, X, Y, verbose=0, return_dict=True)
    results = expected_from_numpy(read, compiled)
    assert_close({key: value for key, value in scores.items() if key != "loss"}, results)
    assert len(kb.evaluate(compiled, X, Y, verbose=0)) == len(scores)
    assert {f"val_{key}" for key in results} <= set(history.history)


def test_a_custom_step_returns_such_metrics():
    model = build(RESULTS["dict"])
    model.own = Sums(RESULTS["nested dict"], "own")

    def step(model, batch):
        y = model(batch.x, training=True)
        loss = ops.mean(keras.losses.mean_squared_error(batch.y, y))
        model.own.update_state(batch.y, y)
        return loss, {**model.compute_metrics(batch.x, batch.y, y), "own": model.own}

    history = kb.fit(model, X, Y, step=step, epochs=2, verbose=0)
    assert history.params["execution"] != "eager"
    assert history.history["rows"] == [64.0, 64.0]
    assert np.shape(history.history["each"]) == (2, 2)
    np.testing.assert_allclose(np.sum(history.history["each"], axis=1) / 64, history.history["mean"], rtol=1e-4)


def test_a_metric_without_a_result_is_not_logged():
    history = kb.fit(build(lambda m: None), X, Y, verbose=0)
    assert list(history.history) == ["loss"]


def test_vectors_are_shown_by_their_mean_and_recorded_by_column(tmp_path, capsys):
    lines = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    model = build(RESULTS["vector"])
    history = kb.fit(model, X, Y, verbose=2, callbacks=[lines], run_dir=tmp_path / "run", validation_data=(X, Y))
    vector = history.history["sums"][0]
    assert f"sums {vector.mean():.4f}" in capsys.readouterr().out
    with (tmp_path / "run" / "history.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert [float(row["sums[0]"]), float(row["sums[1]"])] == vector.tolist()
    assert float(row["val_sums[1]"]) == history.history["val_sums"][0][1]
    assert kb.runs.load(tmp_path / "run").history["sums[0]"] == [float(vector[0])]
    assert str(vector[0]) in (tmp_path / "log.csv").read_text()


class Scaled(layers.Layer):
    """Predictions that are the inputs, with a weight."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return x * self.factor


def of_predictions(predictions, y, weights, metrics):
    model = keras.Sequential([keras.Input(predictions.shape[1:]), Scaled()])
    model.compile("sgd", lambda y, p: ops.mean(p), weighted_metrics=metrics)
    results = kb.evaluate(model, predictions, y, sample_weight=weights, batch_size=4, verbose=0, return_dict=True)
    return {name: value for name, value in results.items() if name != "loss"}


def test_metrics_that_sort_predictions_are_nan_for_nan_and_others_as_if_it_were_the_largest():
    """Stock Keras gives other numbers on each backend; a row whose weight is 0 does not count."""
    kinds, half = keras.metrics, 0.5
    sorting = [
        kinds.AUC(name="roc"),
        kinds.AUC(curve="PR", name="pr"),
        kinds.AUC(thresholds=[0.2, 0.5], name="thresholds"),
        kinds.AUC(multi_label=True, num_labels=3, name="labels"),
        *(kind(half) for kind in (kinds.PrecisionAtRecall, kinds.RecallAtPrecision)),
        *(kind(half) for kind in (kinds.SensitivityAtSpecificity, kinds.SpecificityAtSensitivity)),
        kinds.TopKCategoricalAccuracy(2),
    ]
    y = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2, 1, 0]]
    p = RANDOM.dirichlet([1, 1, 1], 8).astype("float32")
    p[4] = [0.2, 0.1, np.nan]
    names = {metric.name for metric in sorting}
    seen = of_predictions(p, y, None, [*sorting, "categorical_accuracy"])
    assert {name for name in names if np.isnan(seen[name])} == names
    largest = np.where(np.isnan(p), 1, p)
    assert seen["categorical_accuracy"] == np.mean(largest.argmax(-1) == y.argmax(-1))
    counts = np.arange(8) != 4
    seen = of_predictions(p, y, counts.astype("float32"), sorting)
    expected = {}
    for metric in sorting:
        metric.reset_state()
        metric.update_state(y[counts], p[counts])
        expected[metric.name] = float(metric.result())
    assert seen == pytest.approx(expected, abs=1e-6)
