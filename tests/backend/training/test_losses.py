"""Losses answer alike on every backend, also where one of the frameworks refuses."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.backend.models import seeded

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(12, 6, 6, 3)).astype("float32")
PIXELS = RANDOM.integers(0, 4, size=(12, 6, 6))


def segmenter(activation, **loss):
    def build():
        model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(4, 1, activation=activation)])
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(**loss))
        return model

    return seeded(build)


@pytest.mark.parametrize(("labels", "loss"), [(PIXELS, {}), (PIXELS[..., None], {}), (PIXELS, {"ignore_class": 3})])
def test_probabilities_of_pixels_train_as_their_logits(labels, loss):
    probabilities, logits = segmenter("softmax", **loss), segmenter(None, from_logits=True, **loss)
    losses = [kb.fit(model, IMAGES, labels, 4, epochs=2, verbose=0, seed=0) for model in (probabilities, logits)]
    np.testing.assert_allclose(losses[0].history["loss"], losses[1].history["loss"], rtol=1e-5)
    assert losses[0].params["execution"] != "eager"
    for found, expected in zip(probabilities.get_weights(), logits.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def classifier():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy", "binary_crossentropy"])
    return model


@pytest.mark.parametrize("where", ["x", "y"])
def test_nan_in_a_binary_crossentropy_is_a_loss_of_nan(where):
    x, y = RANDOM.normal(size=(32, 4)).astype("float32"), np.tile([0, 0.25, 0.75, 1], 8).astype("float32")[:, None]
    finite = kb.fit(seeded(classifier), x[:16], y[:16], 4, verbose=0, shuffle=False)
    (x if where == "x" else y)[20] = np.nan
    callbacks = [keras.callbacks.TerminateOnNaN()]
    model = seeded(classifier)
    stopped = kb.fit(model, x, y, 4, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
    assert np.isnan(stopped.history["loss"]).tolist() == [True]
    assert np.isnan(kb.evaluate(model, x, y, verbose=0)[0])
    assert all(np.isnan(weights).all() for weights in model.get_weights())
    assert np.isfinite(finite.history["loss"]).all()
