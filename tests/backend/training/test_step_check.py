"""The compiled step is checked against the plain one; where they differ, training goes on with the plain one."""

import itertools
import logging
import random

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

pytestmark = pytest.mark.skipif(keras.config.backend() != "torch", reason="the check is on for torch alone")
layers, ops = keras.layers, keras.ops
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 4)).astype("float32"), RNG.normal(size=(24, 1)).astype("float32")
PLAIN = {"batch_size": 4, "shuffle": False, "verbose": 0}
CALLS = {"count": 0}


class Calls(layers.Layer):
    """A layer that calls a function with itself and its input."""

    def __init__(self, function):
        super().__init__()
        self.function, self.count, self.seen = function, 0, []

    def call(self, x):
        self.count += 1
        return self.function(self, x)


class CallsOfLoss(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.count = 0

    def call(self, y_true, y_pred):
        self.count += 1
        return self.count * ops.mean(ops.square(y_true - y_pred), -1)


class CallsOfMetric(keras.metrics.Mean):
    calls = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.calls += 1
        return super().update_state(ops.mean(y_pred) * self.calls)


class CallsOfRegularizer(keras.regularizers.Regularizer):
    count = 0

    def __call__(self, x):
        self.count += 1
        return self.count * 0.1 * ops.sum(ops.square(x))


class CallsOfConstraint(keras.constraints.Constraint):
    count = 0

    def __call__(self, w):
        self.count += 1
        return w * (1 - 0.1 * self.count)


class CallsOfSchedule(keras.optimizers.schedules.LearningRateSchedule):
    count = 0

    def __call__(self, step):
        self.count += 1
        return 0.01 * self.count


def append(layer, x):
    layer.seen.append(1)
    return x * len(layer.seen)


def count_globally(layer, x):
    CALLS["count"] += 1
    return x * CALLS["count"]


numbers, table = itertools.count(1), np.ones(1)


def change_an_array(layer, x):
    table[0] += 1
    return x * float(table[0])


LAYERS = {
    "a counter of a layer": lambda layer, x: x * layer.count,
    "a flag that alternates": lambda layer, x: x if layer.count % 2 else x * 2,
    "a rate that grows": lambda layer, x: keras.random.dropout(x, min(0.1 * layer.count, 0.9), seed=7),
    "a list that grows": append,
    "a counter of the module": count_globally,
    "an iterator": lambda layer, x: x * next(numbers),
    "an array of NumPy": change_an_array,
    "Python's random": lambda layer, x: x * random.random(),
    "NumPy's random": lambda layer, x: x * float(np.random.random()),
    "a generator of NumPy": lambda layer, x: x * float(RNG.random()),
    "a power that grows": lambda layer, x: ops.sign(x) * ops.abs(x) ** layer.count,
    "a slice that moves": lambda layer, x: ops.roll(x, layer.count, axis=1),
    "a size that grows": lambda layer, x: x * ops.sum(ops.ones((layer.count,))),
    "a noise of the host": lambda layer, x: x + ops.convert_to_tensor(np.random.normal(size=(1, 4)), "float32"),
}
PARTS = {
    "a counter of a loss": {"loss": CallsOfLoss},
    "a counter of a metric": {"metric": CallsOfMetric},
    "a counter of a regularizer": {"regularizer": CallsOfRegularizer},
    "a counter of a constraint": {"constraint": CallsOfConstraint},
    "a counter of a schedule": {"schedule": CallsOfSchedule},
    "a counter in a closure": {"function": True},
}


def build(function=None, loss=None, metric=None, regularizer=None, constraint=None, schedule=None):
    CALLS["count"], table[0] = 0, 1
    random.seed(0)
    np.random.seed(0)
    before = [Calls(function)] if callable(function) else []
    dense = layers.Dense(
        1, kernel_regularizer=regularizer and regularizer(), kernel_constraint=constraint and constraint()
    )
    model = keras.Sequential([keras.Input((4,)), *before, dense])
    model.layers[-1].set_weights([np.full((4, 1), 0.5), np.zeros(1)])
    box = {"count": 0}

    def closure(y_true, y_pred):
        box["count"] += 1
        return box["count"] * ops.mean(ops.square(y_true - y_pred))

    chosen = closure if function is True else loss() if loss else "mse"
    model.compile(keras.optimizers.SGD(schedule() if schedule else 0.01), chosen, metrics=[metric()] if metric else [])
    return model


@pytest.fixture(autouse=True)
def as_users_have_it(monkeypatch):
    monkeypatch.delenv("KERASBRIDGE_CHECK_STEPS", raising=False)


@pytest.mark.parametrize("fault", [*LAYERS, *PARTS])
def test_a_value_that_changes_between_steps_is_found(fault, caplog):
    options = PARTS.get(fault, {"function": LAYERS.get(fault)})
    with caplog.at_level(logging.WARNING, "kerasbridge"):
        history = kb.fit(build(**options), X, Y, epochs=2, **PLAIN)
    assert history.params["execution"] == "eager"
    assert "differs after the first steps" in caplog.text
    if not fault.startswith(("an iterator", "a rate", "Python's", "NumPy's", "a generator", "a noise")):
        expected = build(**options).fit(X, Y, epochs=2, **PLAIN).history
        np.testing.assert_allclose(history.history["loss"], expected["loss"], rtol=1e-5)
