"""Compiled steps do not keep a model in memory that is gone."""

import gc
import weakref

import numpy as np

import kerasbridge as kb
from kerasbridge.keras_compat import keras

X = np.ones((16, 4), "float32")
Y = np.ones((16, 1), "float32")


def step(model, batch):
    return keras.ops.mean(keras.ops.square(model(batch.x, training=True) - batch.y))


def use_a_model():
    """Return a reference to a model that was used in every way, and to a weight and the optimizer of it."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "silu"), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    kb.fit(model, X, Y, validation_data=(X, Y), verbose=0)
    kb.fit(model, X, Y, step=step, verbose=0)
    kb.evaluate(model, X, Y, verbose=0)
    kb.predict(model, X, verbose=0)
    return [weakref.ref(part) for part in (model, model.layers[0].kernel, model.optimizer)]


def number_of_objects():
    for _ in range(3):
        gc.collect()
    return len(gc.get_objects())


def test_a_model_that_is_gone_leaves_nothing_behind():
    use_a_model(), use_a_model()
    before = number_of_objects()
    references = use_a_model()
    assert number_of_objects() - before < 200
    assert [reference() for reference in references] == [None, None, None]
