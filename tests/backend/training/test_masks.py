"""Keras masks reach losses and metrics: padded positions do not count."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

layers = keras.layers
ROWS, STEPS, CLASSES = 24, 6, 5
RNG = np.random.default_rng(0)
PADDED = np.arange(STEPS)[None] >= RNG.integers(2, STEPS + 1, ROWS)[:, None]
TOKENS = np.where(PADDED, 0, RNG.integers(1, 9, (ROWS, STEPS)))
LABELS = RNG.integers(0, CLASSES, (ROWS, STEPS))


def tagger(**options):
    """Return a model that classifies each token; token 0 is padding. Its learning rate is 0."""
    embedding = layers.Embedding(9, 8, mask_zero=True)
    model = keras.Sequential(
        [keras.Input((STEPS,), dtype="int32"), embedding, layers.Dense(CLASSES, activation="softmax")]
    )
    kb.reinitialize(model, 0)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", **options)
    return model


def own_step(model, batch):
    predictions = model(batch.x, training=True)
    loss = model.compute_loss(batch.x, batch.y, predictions)
    return loss, model.compute_metrics(batch.x, batch.y, predictions)


def step_with_gradients(model, batch):
    def loss_and_predictions():
        predictions = model(batch.x, training=True)
        return model.compute_loss(batch.x, batch.y, predictions), predictions

    (loss, predictions), gradients = kb.value_and_grad(loss_and_predictions, model)
    metrics = model.compute_metrics(batch.x, batch.y, predictions)
    return kb.Objective(loss, model, gradients=gradients), metrics


class OwnAccuracy(keras.metrics.Mean):
    """Reads the mask as the attribute that TensorFlow and torch tensors have."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = keras.ops.equal(keras.ops.cast(y_true, "int32"), keras.ops.argmax(y_pred, -1))
        mask = getattr(y_pred, "_keras_mask", None)
        super().update_state(keras.ops.cast(hits, "float32"), None if mask is None else keras.ops.cast(mask, "float32"))


@pytest.mark.parametrize("run_eagerly", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("kind", ["metrics", "weighted_metrics"])
def test_padded_positions_do_not_count_in_metrics(kind, run_eagerly):
    model = tagger(**{kind: ["accuracy", OwnAccuracy(name="own")]}, run_eagerly=run_eagerly)
    hits = kb.predict(model, TOKENS, verbose=0).argmax(-1) == LABELS
    expected = pytest.approx(hits[~PADDED].mean(), abs=1e-6)
    assert hits.mean() != expected
    for step in (None, own_step, step_with_gradients):
        history = kb.fit(model, TOKENS, LABELS, step=step, validation_data=(TOKENS, LABELS), verbose=0).history
        assert history["accuracy"][0] == history["own"][0] == expected
        assert history["val_accuracy"][0] == history["val_own"][0] == expected
    found = kb.evaluate(model, TOKENS, LABELS, return_dict=True, verbose=0)
    assert found["accuracy"] == found["own"] == expected
