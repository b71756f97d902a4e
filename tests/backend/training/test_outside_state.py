"""Variables and seed generators outside the model are read and written at each step."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.random import generator

layers, ops = keras.layers, keras.ops
NOISE = [4.099349, 6.292647, 6.329418, 4.486284, 0.826371, 2.010401]
X, Y = np.ones((8, 4), "float32"), np.zeros((8, 1), "float32")
PLAIN = {"batch_size": 4, "shuffle": False, "verbose": 0}


def linear(loss, *before):
    """Return a model that computes 4 for each row, and stays so: its learning rate is 0."""
    model = keras.Sequential([keras.Input((4,)), *before, layers.Dense(1)])
    model.layers[-1].set_weights([np.ones((4, 1)), np.zeros(1)])
    model.compile(keras.optimizers.SGD(0.0), loss)
    return model


class Counting(keras.losses.Loss):
    """A loss that counts its calls and multiplies by the count."""

    def __init__(self):
        super().__init__()
        self.count = keras.Variable(0.0, trainable=False)

    def call(self, y_true, y_pred):
        self.count.assign_add(1.0)
        return self.count * ops.mean(ops.square(y_pred), -1)


class Nested(layers.Layer):
    """A layer whose variable Keras does not find."""

    def __init__(self):
        super().__init__()
        self.hidden = [None]
        self.hidden[0] = {"scale": keras.Variable(1.0, trainable=False)}

    def call(self, x):
        return x * self.hidden[0]["scale"]


def test_a_loss_may_count_its_calls():
    loss = Counting()
    model = linear(loss)
    assert kb.fit(model, X, Y, epochs=2, **PLAIN).history["loss"] == [24.0, 56.0]
    assert kb.evaluate(model, X, Y, batch_size=4, verbose=0) == 88.0
    assert float(loss.count) == 6.0
    assert kb.fit(model, X, Y, **PLAIN).history["loss"] == [16 * 7.5]  # by the step that was compiled before


def test_a_variable_outside_the_model_is_read_at_each_step():
    scale, nested = keras.Variable(1.0, trainable=False), Nested()
    model = linear(lambda _, y_pred: scale * ops.mean(ops.square(y_pred)), nested)

    def change(epoch, logs):
        scale.assign(float(epoch + 1))
        nested.hidden[0]["scale"].assign(float(2 * epoch + 1))

    history = kb.fit(model, X, Y, epochs=2, callbacks=[keras.callbacks.LambdaCallback(change)], **PLAIN)
    assert history.history["loss"] == [16.0, 2 * 9 * 16.0]
    assert kb.predict(model, X, verbose=0).max() == 12.0
    nested.hidden[0]["scale"].assign(1.0)
    assert kb.predict(model, X, verbose=0).max() == 4.0


def losses(model):
    """Train for six steps of two per epoch and return the loss of each step."""
    means = []

    def record(batch, logs):
        means.append(logs["loss"])

    kb.fit(
        model, X, Y, epochs=3, seed=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=record)], **PLAIN
    )
    return [mean if k % 2 == 0 else 2 * mean - means[k - 1] for k, mean in enumerate(means)]


@pytest.mark.parametrize("seed", [None, 7], ids=["without a seed", "by a generator outside the model"])
def test_draws_are_new_at_each_step_and_the_same_on_every_backend(seed):
    own = None if seed is None else keras.random.SeedGenerator(seed)
    model = linear(lambda _, y_pred: ops.mean(y_pred) * keras.random.uniform((), seed=own))
    drawn_with = generator.fold_in(0, "draws without a seed") if seed is None else seed
    expected = [4 * generator.uniform(drawn_with, step, (1,))[0] for step in range(6)]
    np.testing.assert_allclose(losses(model), expected, rtol=1e-5)
    if seed is None:
        np.testing.assert_allclose(losses(model), expected, rtol=1e-5)  # fit(seed=) starts them again


def test_a_layer_that_draws_without_a_seed_is_built_and_trained():
    class Noise(layers.Layer):
        def call(self, x):
            return x * 0 + keras.random.normal(ops.shape(x))

    with kb.seed_everything(0):
        model = linear("mse", Noise())
        first = losses(model)
    assert len(set(first)) == 6
    np.testing.assert_allclose(first, NOISE, rtol=1e-4)
