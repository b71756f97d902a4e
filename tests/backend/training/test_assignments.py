"""Variables that the forward pass assigns: no gradient goes through an assignment, the same on every backend."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras

layers, ops = keras.layers, keras.ops
GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(40, 4)).astype("float32"), GENERATOR.normal(size=(40, 1)).astype("float32")


class MovingMean(layers.Layer):
    """Subtract a moving mean that the batch has just changed."""

    def build(self, shape):
        self.mean = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False)

    def call(self, x):
        self.mean.assign(0.9 * self.mean + 0.1 * ops.mean(x, 0))
        return x - self.mean


class UnitNorm(layers.Layer):
    """Multiply by a trainable weight that is first scaled to the norm 1."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 3), initializer="ones")

    def call(self, x):
        self.kernel.assign(self.kernel / ops.sqrt(ops.sum(ops.square(self.kernel))))
        return x @ self.kernel


class Codebook(layers.Layer):
    """The nearest of five vectors, which are moving means, as in VQ-VAE."""

    def build(self, shape):
        self.book = self.add_weight(shape=(5, shape[-1]), initializer="ones", trainable=False)
        self.count = self.add_weight(shape=(5,), initializer="ones", trainable=False)

    def call(self, x, training=None):
        nearest = ops.one_hot(ops.argmin(ops.sum(ops.square(x[:, None] - self.book[None]), -1), -1), 5)
        if training:
            self.count.assign(0.9 * self.count + 0.1 * ops.sum(nearest, 0))
            self.book.assign(0.9 * self.book + 0.1 * (ops.transpose(nearest) @ x) / self.count[:, None])
        chosen = nearest @ self.book
        self.add_loss(ops.mean(ops.square(chosen - ops.stop_gradient(x))))
        return x + ops.stop_gradient(chosen - x)


def moving_mean():
    return [layers.Dense(3), MovingMean()]


def spectral_normalization():
    return [layers.SpectralNormalization(layers.Dense(3))]


def unit_norm():
    return [UnitNorm()]


def codebook():
    return [layers.Dense(3), Codebook()]


def compiled(before):
    model = keras.Sequential([keras.Input((4,)), *before(), layers.Dense(1)])
    model.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model


# Of stock Keras on TensorFlow and torch; on JAX, stock Keras differentiates through assignments.
@pytest.mark.parametrize(
    ("before", "losses"),
    [
        (moving_mean, [1.683727, 1.107789]),
        (spectral_normalization, [1.585877, 0.973962]),
        (unit_norm, [1.648207, 1.168004]),
        (codebook, [9.549827, 3.578189]),
    ],
)
def test_no_gradient_goes_through_an_assignment(before, losses):
    model = compiled(before)
    history = kb.fit(model, X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


def test_no_gradient_goes_through_an_assignment_of_an_own_step():
    mean = keras.Variable(0.0, trainable=False)

    def step(model, batch):
        predictions = model(batch.x, training=True)
        mean.assign(0.9 * mean + 0.1 * ops.mean(predictions))
        return ops.mean(ops.square(batch.y - predictions + mean))

    model = compiled(lambda: [])
    history = kb.fit(model, X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, step=step)
    np.testing.assert_allclose(history.history["loss"], [2.605072, 1.385129], rtol=1e-5)


def test_a_schedule_may_count_its_calls():
    calls = keras.Variable(0.0, trainable=False)

    class Harmonic(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            calls.assign_add(1.0)
            return 0.01 / calls

        def get_config(self):
            return {}

    model = compiled(lambda: [])
    model.compile(keras.optimizers.SGD(Harmonic()), "mse")
    history = kb.fit(model, X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert float(calls) == 10
    np.testing.assert_allclose(history.history["loss"], [3.52533, 3.386618], rtol=1e-5)
